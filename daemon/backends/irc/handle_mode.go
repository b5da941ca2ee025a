// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"
)

// maxBans bounds the bans that are remembered to tell a ban from a kick.
const maxBans = 20

// onMode: who may do what in a channel has changed, or the channel's own
// modes.
func (l *link) onMode(in *incoming) {
	r := l.rooms.find(in.param(0))
	if r == nil || !r.inside {
		return
	}
	l.applyModes(r, in.from(1), time.Now())
}

// onChannelModes (324) answers the MODE that follows each join.
func (l *link) onChannelModes(in *incoming) {
	if r := l.rooms.find(in.param(1)); r != nil && r.inside {
		l.applyModes(r, in.from(2), time.Now())
	}
	l.answers.line(answerMode, in.param(1), strings.Join(in.from(2), " "), l.server)
}

func (l *link) applyModes(r *room, params []string, now time.Time) {
	touched := map[*occupant]bool{}
	for _, c := range l.server.parseModes(params) {
		switch {
		case l.server.sign(c.mode) != 0:
			if o := r.occupant(c.arg); o != nil && o.setSign(&l.server.isupport, c) {
				touched[o] = true
			}
		case c.mode == 'm' && c.add != r.moderated:
			r.moderated = c.add
			for _, o := range r.occupants {
				if o.signs == "" {
					touched[o] = true
				}
			}
		case c.mode == 'b' && c.add:
			if len(r.bans) >= maxBans {
				r.bans = r.bans[1:]
			}
			r.bans = append(r.bans, ban{mask: c.arg, at: now})
		}
	}
	for o := range touched {
		l.tellOccupant(r, o)
	}
}

// setSign adds or removes the sign of a prefix mode; false if nothing changed.
func (o *occupant) setSign(s *isupport, c modeChange) bool {
	was := o.signs
	sign := string(s.sign(c.mode))
	o.signs = strings.ReplaceAll(o.signs, sign, "")
	if c.add {
		o.signs = s.sortSigns(o.signs + sign)
	}
	return o.signs != was
}
