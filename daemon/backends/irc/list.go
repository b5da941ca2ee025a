// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listed is a channel of LIST.
type listed struct {
	name, topic string
	users       int
}

const (
	// maxListed bounds what of a LIST is looked at.
	maxListed = 20_000
	// smallNetwork is how many channels a network may have for its list to be
	// fetched unasked.
	smallNetwork = 2_000
	listTimeout  = 30 * time.Second
	listAnswer   = 20
)

// listDelay is how long after a login the list is fetched unasked: servers
// punish LIST, and the first minute is the user's.
const listDelay = time.Minute

// listUnasked fetches the room list where that is no burden: from a small
// network whole, from a larger one the populous channels only, if its LIST
// can be asked for those.
func (l *link) listUnasked() {
	switch n := l.server.channels; {
	case l.settings.roomList <= 0 || l.many:
	case n >= 0 && n <= smallNetwork:
		l.list("", func(string) {})
	case strings.Contains(l.server.elist, "U"):
		l.list(">99", func(string) {})
	}
}

// list asks for the channels; filter is LIST's own ("", ">99", "*linux*").
func (l *link) list(filter string, done func(text string)) {
	var params []string
	if filter != "" {
		params = []string{filter}
	}
	l.listing = nil
	l.ask(&answer{kind: answerList, key: "LIST", done: func(_ *answer, err string) {
		if err != "" && len(l.listing) == 0 {
			done("The list did not come: " + err)
			return
		}
		done(l.listed())
	}}, listTimeout, "LIST", params...)
}

func (l *link) onListed(in *incoming) {
	if name := clean(in.param(1)); l.server.isChannel(name) && len(l.listing) < maxListed {
		l.listing = append(l.listing, listed{name: name, users: number(in.param(2), 0, 1<<30, 0), topic: in.param(3)})
	}
}

func (l *link) onEndOfList(*incoming) {
	if a := l.answers.find(answerList, "LIST", l.server); a != nil {
		l.answers.finish(a, "")
	}
}

// listed tells the main process the largest channels and gives the top of the
// list in words.
func (l *link) listed() string {
	all := l.listing
	l.listing = nil
	slices.SortStableFunc(all, func(a, b listed) int { return cmp.Compare(b.users, a.users) })
	total := len(all)
	all = all[:min(len(all), l.settings.roomList)]
	var rooms, names, lines []string
	for i, c := range all {
		rooms = append(rooms, l.addr.join(c.name, l.network))
		names = append(names, c.name+" ("+strconv.Itoa(c.users)+")")
		if i < listAnswer {
			lines = append(lines, strings.TrimSpace(names[i]+" "+plain(c.topic)))
		}
	}
	l.user.RoomList(rooms, names)
	if total > len(lines) {
		lines = append(lines, "… "+strconv.Itoa(total)+" channels in all")
	}
	if total == 0 {
		return "There are no channels"
	}
	return strings.Join(lines, "\n")
}
