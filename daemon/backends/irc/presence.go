// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// watch is a contact of the user's: a nick whose coming and going is watched,
// by MONITOR where the server has it, else by ISON.
type watch struct {
	legacy, nick string
	online       bool
	away         string
	told         bool
	monitored    bool
	// asked: an ISON about him is out.
	asked bool
}

const (
	isonEvery = time.Minute
	// maxContacts bounds the contacts of one user on one network.
	maxContacts = 1000
	// isonLine is how long a line of ISON may be.
	isonLine = 400
)

// watchContact begins to watch a nick; again, it does nothing.
func (l *link) watchContact(legacy, nick string) {
	key := l.server.casemap.fold(nick)
	if nick == "" || strings.ContainsAny(nick, " ,:") || l.contacts[key] != nil || len(l.contacts) >= maxContacts || l.server.isChannel(nick) {
		return
	}
	w := &watch{legacy: legacy, nick: nick}
	l.contacts[key] = w
	if l.phase == online {
		l.watchOne(w)
	}
}

func (l *link) unwatchContact(nick string) {
	key := l.server.casemap.fold(nick)
	w := l.contacts[key]
	if w == nil {
		return
	}
	delete(l.contacts, key)
	if w.monitored {
		l.say(background, "MONITOR", "-", w.nick)
	}
}

// watchContacts begins to watch all of them, after a login.
func (l *link) watchContacts() {
	for _, w := range l.contacts {
		l.watchOne(w)
	}
}

func (l *link) watchOne(w *watch) {
	monitored := 0
	for _, x := range l.contacts {
		if x.monitored {
			monitored++
		}
	}
	if monitored < l.server.monitor && l.say(background, "MONITOR", "+", w.nick) {
		w.monitored = true
		return
	}
	l.agenda.earlier(taskISON, time.Now().Add(time.Second))
}

// pollISON asks who of those without MONITOR is there.
func (l *link) pollISON(now time.Time) {
	var line []string
	length := 0
	flush := func() {
		if len(line) > 0 && l.say(background, "ISON", line...) {
			l.isonLeft++
		}
		line, length = nil, 0
	}
	l.isonLeft = 0
	any := false
	for _, w := range l.contacts {
		if w.monitored {
			continue
		}
		any = true
		if length+len(w.nick) > isonLine {
			flush()
		}
		w.asked = true
		line, length = append(line, w.nick), length+len(w.nick)+1
	}
	flush()
	if any {
		l.agenda.set(taskISON, now.Add(isonEvery))
	}
}

// onISON (303): who of those asked is there. With several lines of ISON each
// is answered apart, so that one says nothing about whom another asked.
func (l *link) onISON(in *incoming) {
	for _, nick := range strings.Fields(in.last()) {
		l.seen(nick, true)
		if w := l.contacts[l.server.casemap.fold(nick)]; w != nil {
			w.asked = false
		}
	}
	if l.isonLeft--; l.isonLeft > 0 {
		return
	}
	for _, w := range l.contacts {
		if w.asked {
			w.asked = false
			l.seen(w.nick, false)
		}
	}
}

func (l *link) onMonitorOnline(in *incoming)  { l.monitored(in, true) }
func (l *link) onMonitorOffline(in *incoming) { l.monitored(in, false) }

func (l *link) monitored(in *incoming, online bool) {
	for target := range strings.SplitSeq(in.last(), ",") {
		nick, _, _ := strings.Cut(target, "!")
		l.seen(nick, online)
		if !online {
			l.nickFreed(nick)
		}
	}
}

// onMonitorFull (734): the server takes no more; ISON watches the rest.
func (l *link) onMonitorFull(in *incoming) {
	l.server.monitor = 0
	for target := range strings.SplitSeq(in.param(2), ",") {
		if w := l.contacts[l.server.casemap.fold(target)]; w != nil {
			w.monitored = false
		}
	}
	l.agenda.earlier(taskISON, time.Now().Add(time.Second))
}

// seen is news about whether somebody is on the network.
func (l *link) seen(nick string, online bool) {
	w := l.contacts[l.server.casemap.fold(nick)]
	if w == nil || w.told && w.online == online {
		return
	}
	w.online = online
	if !online {
		w.away = ""
	}
	l.tellContact(w)
}

func (l *link) tellContact(w *watch) {
	w.told = true
	s := backend.Status{Type: pbnetwork.StatusType_STATUS_NONE}
	switch {
	case w.online && w.away != "":
		s = backend.Status{Type: pbnetwork.StatusType_STATUS_AWAY, Text: plain(w.away)}
	case w.online:
		s = backend.Status{Type: pbnetwork.StatusType_STATUS_ONLINE}
	}
	l.user.Contact(backend.Contact{Name: w.legacy, Status: s})
}

// offlineContacts: without a connection nobody is known to be there.
func (l *link) offlineContacts() {
	for _, w := range l.contacts {
		w.monitored, w.asked = false, false
		if w.online {
			w.online, w.away = false, ""
			l.tellContact(w)
		}
	}
}

// setStatus is what the user's clients show.
func (l *link) setStatus(s backend.Status) {
	was := l.awayText()
	l.status = s
	if l.phase == online && l.awayText() != was {
		l.sendAway()
	}
}

// sendAway tells the server; a user who is there need not say so at login.
func (l *link) sendAway() {
	text := l.awayText()
	switch {
	case text != "":
		l.say(normal, "AWAY", text)
		l.isAway = true
	case l.isAway:
		l.say(normal, "AWAY")
		l.isAway = false
	}
}

// awayText is the text of AWAY for the user's status, "" when he is there.
func (l *link) awayText() string {
	text := outText(l.status.Text)
	fallback := ""
	switch l.status.Type {
	case pbnetwork.StatusType_STATUS_AWAY, pbnetwork.StatusType_STATUS_XA:
		fallback = "away"
	case pbnetwork.StatusType_STATUS_DND:
		fallback = "busy"
	case pbnetwork.StatusType_STATUS_NONE:
		fallback = "offline"
	default:
		return ""
	}
	if text == "" {
		return fallback
	}
	return text[:boundaryOf(text, 200)]
}

func boundaryOf(text string, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	return boundary(text, limit)
}
