// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// incoming is one line from the server, in text.
type incoming struct {
	command string
	params  []string
	// nick, user and host are who sent it; a server's name is in nick.
	nick, user, host string
	source           string
	tags             map[string]string
}

// maxParams bounds what of a line is looked at.
const maxParams = 64

// parse reads a line. The tags are UTF-8 by definition, the rest is in the
// network's charset.
func parse(raw []byte, c charset) (*incoming, error) {
	tags, body := []byte(nil), raw
	if len(raw) > 0 && raw[0] == '@' {
		if i := bytes.IndexByte(raw, ' '); i > 0 {
			tags, body = raw[:i+1], raw[i+1:]
		}
	}
	m, err := ircmsg.ParseLine(string(tags) + c.decode(body))
	if errors.Is(err, ircmsg.ErrorInvalidTagContent) {
		m, err = ircmsg.ParseLine(c.decode(body)) // a line is worth more than its tags
	}
	if err != nil {
		return nil, err
	}
	in := &incoming{command: m.Command, params: m.Params}
	if tags != nil {
		in.tags = m.AllTags()
	}
	if len(in.params) > maxParams {
		in.params = in.params[:maxParams]
	}
	if nuh, err := ircmsg.ParseNUH(clean(m.Source)); err == nil {
		in.nick, in.user, in.host = nuh.Name, nuh.User, nuh.Host
		in.source = nuh.Canonical()
	}
	return in, nil
}

// clean removes what is no text from a name.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// param is the i-th parameter, "" where there is none.
func (in *incoming) param(i int) string {
	if i < len(in.params) {
		return in.params[i]
	}
	return ""
}

// last is the last parameter, a numeric's text.
func (in *incoming) last() string {
	if len(in.params) == 0 {
		return ""
	}
	return in.params[len(in.params)-1]
}

// from are the parameters from the i-th on.
func (in *incoming) from(i int) []string {
	if i < len(in.params) {
		return in.params[i:]
	}
	return nil
}

// fromServer reports whether a server sent the line, or nobody is named.
func (in *incoming) fromServer() bool {
	return in.nick == "" || in.user == "" && in.host == "" && strings.Contains(in.nick, ".")
}

// sentAt is when the line was sent where that was a while ago (a bouncer's
// playback), else zero.
func (in *incoming) sentAt(now time.Time) time.Time {
	if in.tags["time"] == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, in.tags["time"])
	if err != nil || now.Sub(t) < 10*time.Second || t.Year() < 1990 {
		return time.Time{}
	}
	return t
}
