// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"errors"
	"strings"

	"spectrum.im/spectrum2/daemon/backend"
)

var errParameter = errors.New("it contains a space or begins with a colon")

// command composes a line. Only the last parameter may hold spaces; line ends
// and NULs, which would begin another command, become spaces anywhere.
func command(name string, params ...string) (string, error) {
	var b strings.Builder
	b.WriteString(name)
	for i, p := range params {
		p = oneLine(p)
		b.WriteByte(' ')
		if p == "" || p[0] == ':' || strings.IndexByte(p, ' ') >= 0 {
			if i < len(params)-1 {
				return "", errParameter
			}
			b.WriteByte(':')
		}
		b.WriteString(p)
	}
	return b.String(), nil
}

var lineBreaks = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", " ")

func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		return lineBreaks.Replace(s)
	}
	return s
}

// say queues a command. It reports false when it cannot be written: there is
// no connection, the lane is full, or a parameter is not one.
func (l *link) say(lane lane, name string, params ...string) bool {
	line, err := command(name, params...)
	if err != nil || l.wire == nil {
		return false
	}
	return l.out.add(lane, item{line: line, light: name == "PING" || name == "PONG"})
}

// tell sends the user a line from the network itself.
func (l *link) tell(text string) {
	if text = plain(text); text != "" {
		l.user.Message(backend.Incoming{From: l.contact, Text: text, Headline: true})
	}
}
