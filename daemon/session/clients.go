// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"slices"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// clients are the user's XMPP clients that are available, by resource.
type clients struct {
	list map[string]*client
	// attached are those that are bound, available or not, in server mode.
	attached map[string]bool
	// count numbers presences: among equal priorities the latest counts.
	count int
}

// client is one of them.
type client struct {
	resource string
	full     string // JID
	priority int
	mood     mood
	number   int
	// direct: it sent presence to the transport; otherwise it is only in a
	// room, and gone when it leaves.
	direct bool
	// proven: it showed itself since the last LinkUp. probed: the next presence
	// may be the answer to a probe instead of the user's doing.
	proven, probed bool
	// exchange: it takes roster items (XEP-0144).
	exchange ability
	// ver is the hash of its caps; notify: it wants to hear of new avatars.
	ver    string
	notify bool
}

// ability is something a client has to be asked about.
type ability int

const (
	unasked ability = iota
	asked
	able
	unable
)

func newClients() clients { return clients{list: make(map[string]*client)} }

func (c *clients) none() bool { return len(c.list) == 0 }

// names are the resources, sorted.
func (c *clients) names() []string {
	var out []string
	for r := range c.list {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// same reports whether names is what names() would return.
func (c *clients) same(names []string) bool {
	if len(names) != len(c.list) {
		return false
	}
	for _, n := range names {
		if c.list[n] == nil {
			return false
		}
	}
	return true
}

// highest is the client whose presence stands for the user (RFC 6121
// §4.7.2.3), nil without any.
func (c *clients) highest() *client {
	var best *client
	for _, x := range c.list {
		if best == nil || x.priority > best.priority || x.priority == best.priority && x.number > best.number {
			best = x
		}
	}
	return best
}

// put takes presence of a client and reports whether it is new, and whether it
// says what was known already.
func (c *clients) put(resource, full string, st *xmpp.Element) (x *client, isNew, repeated bool) {
	x = c.list[resource]
	if isNew = x == nil; isNew {
		x = &client{resource: resource, full: full}
		c.list[resource] = x
	}
	priority, mood := priorityOf(st), moodOf(st)
	repeated = !isNew && x.direct && x.priority == priority && x.mood == mood
	if !repeated {
		c.count++
		x.number = c.count
	}
	x.priority, x.mood = priority, mood
	return x, isNew, repeated
}

// mood is a presence's show and text in the words of the backend protocol.
type mood struct {
	status pbnetwork.StatusType
	text   string
}

// moodOf reads an available presence.
func moodOf(st *xmpp.Element) mood {
	m := mood{pbnetwork.StatusType_STATUS_ONLINE, st.ChildText(xmpp.NSClient, "status")}
	switch st.ChildText(xmpp.NSClient, "show") {
	case "away":
		m.status = pbnetwork.StatusType_STATUS_AWAY
	case "chat":
		m.status = pbnetwork.StatusType_STATUS_FFC
	case "xa":
		m.status = pbnetwork.StatusType_STATUS_XA
	case "dnd":
		m.status = pbnetwork.StatusType_STATUS_DND
	}
	if st.Get("type") == "invisible" {
		m.status = pbnetwork.StatusType_STATUS_INVISIBLE
	}
	return m
}

// show is the word of RFC 6121 §4.7.2.1, "" for plain availability.
func (m mood) show() string {
	switch m.status {
	case pbnetwork.StatusType_STATUS_AWAY:
		return "away"
	case pbnetwork.StatusType_STATUS_FFC:
		return "chat"
	case pbnetwork.StatusType_STATUS_XA:
		return "xa"
	case pbnetwork.StatusType_STATUS_DND:
		return "dnd"
	}
	return ""
}

// available reports whether somebody in this mood is there.
func (m mood) available() bool {
	return m.status != pbnetwork.StatusType_STATUS_NONE && m.status != pbnetwork.StatusType_STATUS_INVISIBLE
}

// priorityOf reads the priority; what is no number from -128 to 127 is 0
// (RFC 6121 §4.7.2.3).
func priorityOf(st *xmpp.Element) int {
	n, err := strconv.ParseInt(strings.TrimSpace(st.ChildText(xmpp.NSClient, "priority")), 10, 8)
	if err != nil {
		return 0
	}
	return int(n)
}
