// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"
)

// largeRoom is from how many occupants on nobody is asked about: the answer
// would be a flood, for little.
const largeRoom = 300

// who asks about the occupants of a channel: away or not, and real names.
func (l *link) who(r *room) {
	if len(r.occupants) > largeRoom {
		return
	}
	l.say(background, "WHO", r.name)
}

// pollAway asks again where the server does not say by itself who is away
// (service.irc_away_timeout).
func (l *link) pollAway(now time.Time) {
	if l.server.caps.on["away-notify"] || l.phase != online {
		return
	}
	for _, r := range l.rooms.all() {
		if r.joined && l.out.room(background, laneSize[background]/2) {
			l.who(r)
		}
	}
	l.agenda.set(taskAway, now.Add(l.settings.awayEvery))
}

// onWho (352): me channel user host server nick flags :hops realname. The
// flags begin with H (here) or G (gone).
func (l *link) onWho(in *incoming) {
	if len(in.params) < 8 {
		return
	}
	r := l.rooms.find(in.param(1))
	if r == nil {
		return
	}
	o := r.occupant(in.param(5))
	if o == nil {
		return
	}
	_, realName, _ := strings.Cut(in.last(), " ")
	away := strings.HasPrefix(in.param(6), "G")
	o.source = in.param(2) + "@" + in.param(3)
	if away != o.away || realName != o.realName {
		if o.away = away; !away {
			o.awayText = ""
		}
		o.realName = realName
		l.tellOccupant(r, o)
	}
}

// onWhoX (354) is the answer to a question that was asked with the raw
// command; it is shown as it is.
func (l *link) onWhoX(in *incoming) { l.tell(strings.Join(in.from(1), " ")) }

// onAway (away-notify): somebody is away, with a text, or back.
func (l *link) onAway(in *incoming) {
	l.isAwayNow(in.nick, len(in.params) > 0 && in.param(0) != "", in.param(0))
}

// onAwayText (301) is said when a message goes to somebody who is away.
func (l *link) onAwayText(in *incoming) {
	if a := l.answers.find(answerWhois, in.param(1), l.server); a != nil {
		l.answers.line(answerWhois, in.param(1), "Away: "+in.last(), l.server)
	}
	l.isAwayNow(in.param(1), true, in.last())
}

func (l *link) isAwayNow(nick string, away bool, text string) {
	for _, r := range l.rooms.all() {
		if o := r.occupant(nick); o != nil && (o.away != away || o.awayText != text) {
			o.away, o.awayText = away, text
			l.tellOccupant(r, o)
		}
	}
	w := l.contacts[l.server.casemap.fold(nick)]
	if w == nil {
		return
	}
	if !away {
		text = ""
	} else if text == "" {
		text = "away"
	}
	if !w.online || w.away != text {
		w.online, w.away = true, text
		l.tellContact(w)
	}
}
