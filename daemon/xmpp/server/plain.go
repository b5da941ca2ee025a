// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// credentials are SASL PLAIN's (RFC 4616).
type credentials struct{ authzid, user, password string }

// parsePlain reads them from base64 (RFC 6120 §6.4.2), or returns the condition
// of the failure.
func parsePlain(text string) (c credentials, condition string) {
	if text == "=" {
		return c, MalformedRequest
	}
	if strings.ContainsAny(text, "\r\n") {
		return c, IncorrectEncoding
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return c, IncorrectEncoding
	}
	part := strings.Split(string(b), "\x00")
	if len(part) != 3 || !utf8.Valid(b) || part[1] == "" || part[2] == "" {
		return c, MalformedRequest
	}
	return credentials{part[0], part[1], part[2]}, ""
}

// authorizes reports whether the client asks to act as user, which is what an
// empty authzid means too.
func (c credentials) authorizes(user string) bool {
	if c.authzid == "" {
		return true
	}
	j, err := xmpp.ParseJID(c.authzid)
	return err == nil && j.String() == user
}
