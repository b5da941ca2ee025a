// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "strings"

// casemap is a network's rule for which names are the same (ISUPPORT
// CASEMAPPING). The zero value is rfc1459, the protocol's default.
type casemap string

const (
	casemapRFC1459 casemap = "rfc1459"
	casemapStrict  casemap = "strict-rfc1459"
	casemapASCII   casemap = "ascii"
)

// fold gives the form in which two equal names are equal strings.
func (c casemap) fold(name string) string {
	switch c {
	case "", casemapRFC1459:
		return foldBytes(name, '^')
	case casemapStrict:
		return foldBytes(name, ']')
	case casemapASCII:
		return foldBytes(name, 'Z')
	}
	return strings.ToLower(name) // rfc7613, utf8 and their like
}

// foldBytes lowers the bytes from 'A' to last; in RFC 1459 the characters
// after 'Z', `[\]^`, are the upper case of `{|}~`.
func foldBytes(name string, last byte) string {
	for i := 0; i < len(name); i++ {
		if name[i] < 'A' || name[i] > last {
			continue
		}
		b := []byte(name)
		for j := i; j < len(b); j++ {
			if b[j] >= 'A' && b[j] <= last {
				b[j] += 'a' - 'A'
			}
		}
		return string(b)
	}
	return name
}
