// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strconv"
	"strings"
	"time"
)

// whoisNumerics are the parts of an answer to WHOIS; 318 ends it.
var whoisNumerics = []string{
	"276", "307", "310", "311", "312", "313", "317", "318", "319", "320", "330", "335", "338", "378", "379", "671",
}

// whoisTimeout is short: other things that the user does wait behind it.
const whoisTimeout = 8 * time.Second

// whois asks who somebody is.
func (l *link) whois(nick string, wait time.Duration, done func(a *answer, err string)) {
	l.ask(&answer{kind: answerWhois, key: nick, done: done}, wait, "WHOIS", nick)
}

func (l *link) onWhois(in *incoming) {
	nick := in.param(1)
	a := l.answers.find(answerWhois, nick, l.server)
	if a == nil {
		return
	}
	switch in.command {
	case "318":
		l.answers.finish(a, "")
		return
	case "311":
		a.realName = plain(in.last())
	}
	if text := whoisLine(in); text != "" {
		l.answers.line(answerWhois, nick, text, l.server)
	}
}

// whoisLine is a numeric of WHOIS in words.
func whoisLine(in *incoming) string {
	switch in.command {
	case "311":
		return in.param(1) + " is " + in.param(2) + "@" + in.param(3) + " (" + in.last() + ")"
	case "312":
		return "Server: " + in.param(2) + " (" + in.last() + ")"
	case "317":
		return idleLine(in)
	case "319":
		return "Channels: " + strings.TrimSpace(in.last())
	case "330":
		return "Account: " + in.param(2)
	}
	return strings.Join(in.from(2), " ")
}

// idleLine: me nick seconds [signon] :text.
func idleLine(in *incoming) string {
	seconds, err := strconv.Atoi(in.param(2))
	if err != nil || seconds < 0 {
		return ""
	}
	text := "Idle: " + (time.Duration(seconds) * time.Second).String()
	if at, err := strconv.ParseInt(in.param(3), 10, 64); err == nil && len(in.params) > 4 && at > 0 && at < 1<<33 {
		text += ", here since " + time.Unix(at, 0).UTC().Format("2006-01-02 15:04 UTC")
	}
	return text
}

// vcard is what is known about a nick: at once where a room says it, else by
// one WHOIS in ten seconds at most; clients ask for everybody's card.
func (l *link) vcard(nick string, done func(realName string)) {
	for _, r := range l.rooms.all() {
		if o := r.occupant(nick); o != nil && o.realName != "" {
			done(plain(o.realName))
			return
		}
	}
	now := time.Now()
	if l.phase != online || now.Sub(l.whoisAt) < 10*time.Second {
		done("")
		return
	}
	l.whoisAt = now
	l.whois(nick, 3*time.Second, func(a *answer, _ string) { done(a.realName) })
}
