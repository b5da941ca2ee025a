// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import "strings"

// maxName is what a length byte leaves room for, and more than any server
// gives out.
const maxName = 97

// normal is a screen name in the form in which two are compared, and in which
// contacts are named to the main process: lower-case, without spaces. A UIN
// may be written with dashes.
func normal(name string) string {
	name = strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r < 0x20 {
			return -1
		}
		return r
	}, name))
	if digits := strings.ReplaceAll(name, "-", ""); isUIN(digits) {
		return digits
	}
	return name
}

// isUIN reports whether a normal name is an ICQ number.
func isUIN(name string) bool {
	if len(name) < 4 || len(name) > 10 {
		return false
	}
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			return false
		}
	}
	return true
}

// validName reports whether a normal name could be somebody's on the network.
func validName(name string, of networkKind) bool {
	switch {
	case name == "" || len(name) > maxName:
		return false
	case of == icq:
		return isUIN(name)
	}
	for i := range len(name) {
		if name[i] < 0x21 || name[i] > 0x7e {
			return false
		}
	}
	return true
}

// loginName is the name that a registration means: with the protocol any it
// begins with the plugin's.
func loginName(registered string) (name string, of networkKind) {
	for prefix, kind := range map[string]networkKind{"prpl-icq.": icq, "prpl-aim.": aim} {
		if rest, ok := strings.CutPrefix(registered, prefix); ok {
			return rest, kind
		}
	}
	return registered, anyNetwork
}
