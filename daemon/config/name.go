// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// instanceName leaves out the dash: systemd reads it as a level of slices, so
// that "a-b"'s slice would lie inside "a"'s.
var instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._]{0,62}$`)

// CheckInstanceName says whether an instance may be called so; its error
// names the nearest name that it may have.
func CheckInstanceName(name string) error {
	if instanceName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q cannot be the name of an instance (a-z, 0-9, dot and underscore, at most 63, "+
		"beginning with a letter or digit); call it %q", name, goodName(name))
}

// InstanceOf returns the name of the instance that the file configures: its
// base name without .cfg, checked.
func InstanceOf(file string) (string, error) {
	base := filepath.Base(file)
	name, ok := strings.CutSuffix(base, ".cfg")
	if !ok {
		return "", fmt.Errorf("%q is not a transport's configuration; call it %q", base, goodName(base)+".cfg")
	}
	return name, CheckInstanceName(name)
}

func goodName(name string) string {
	good := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	good = strings.TrimLeft(good, "._")
	good = good[:min(len(good), 63)]
	if good == "" {
		return "transport"
	}
	return good
}
