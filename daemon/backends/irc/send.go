// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// outgoing is a message of the user's on its way. It is delivered when all of
// its lines are confirmed, and failed with the first that is refused.
//
// How a line is confirmed depends on the server: with echo-message by its
// echo (found by its label where there is labeled-response), with
// labeled-response alone by the labeled ACK, and with neither by the PONG to a
// PING that was written after it: the server works in order, so a refusal
// would have come before.
type outgoing struct {
	result result
	// room is where it goes, nil for a private message.
	room        *room
	text, xhtml string
	// total is how many lines it became, left how many are not confirmed.
	total, left int
	over        bool
	remoteID    string
}

// sentLine is one line of it.
type sentLine struct {
	of *outgoing
	// target is folded; text is as the server has it.
	target, text, label string
	// number counts the message lines of this link, at is when it was written.
	number uint64
	at     time.Time
}

// confirmTimeout is how long the server may take to confirm a line.
const confirmTimeout = 90 * time.Second

// send is the user's message to a channel or a nick. room is nil where the
// target is not a channel.
func (l *link) send(target string, m *backend.Message, res result) {
	if l.phase != online {
		res.Refused("remote-server-timeout", "Not connected to "+l.server.at.host)
		return
	}
	out := &outgoing{result: res, text: m.Text, xhtml: m.XHTML}
	if l.server.isChannel(target) {
		// Where the JOIN has left, the message comes behind it.
		if out.room = l.rooms.find(target); out.room == nil || !out.room.inside && !out.room.joining {
			res.Refused("not-acceptable", "You are not in "+target)
			return
		}
		target = out.room.name
	}
	if target == "" || strings.ContainsAny(target, " ,\r\n\x00") || target[0] == ':' || target[0] == '$' {
		res.Refused("item-not-found", "There is nobody called "+target)
		return
	}
	lines := l.linesOf(target, m.Text)
	switch {
	case len(lines) == 0:
		res.Refused("bad-request", "There is nothing to send")
	case len(lines) > maxLines:
		res.Refused("policy-violation", "The message would be "+strconv.Itoa(len(lines))+" lines on IRC, more than "+strconv.Itoa(maxLines))
	case !l.out.room(normal, len(lines)):
		res.Refused("resource-constraint", "Too many messages are waiting for the network, which takes only a few at a time")
	default:
		l.queue(out, target, lines)
	}
}

// linesOf are the texts of the lines that a message becomes.
func (l *link) linesOf(target, text string) []string {
	text = outText(text)
	limit := l.server.lineLen - 2 - l.server.sourceLen() - len("PRIVMSG "+target+" :")
	action, isAction := strings.CutPrefix(text, "/me ")
	if !isAction {
		if text == "/me" {
			return nil
		}
		return splitText(text, limit)
	}
	lines := splitText(action, limit-len("\x01ACTION \x01"))
	for i, line := range lines {
		lines[i] = "\x01ACTION " + line + "\x01"
	}
	return lines
}

// outText removes what a message must not carry: a CTCP mark of the user's
// would be a command to other clients.
func outText(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r == 1 {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
}

func (l *link) queue(out *outgoing, target string, lines []string) {
	out.total, out.left = len(lines), len(lines)
	for _, text := range lines {
		s := &sentLine{of: out, target: l.server.casemap.fold(target), text: text}
		tags := ""
		if l.server.caps.on["labeled-response"] && l.server.caps.on["batch"] {
			l.labels++
			s.label = "m" + strconv.FormatUint(l.labels, 36)
			tags = "@label=" + s.label + " "
		}
		l.out.add(normal, item{line: tags + "PRIVMSG " + target + " :" + oneLine(text), message: s})
	}
}

// wrote notes that a line has left.
func (l *link) wrote(it item, now time.Time) {
	s := it.message
	if s == nil {
		return
	}
	if s.of.over {
		return
	}
	l.written++
	s.number, s.at = l.written, now
	l.unconfirmed = append(l.unconfirmed, s)
	l.agenda.earlier(taskConfirm, now.Add(confirmTimeout))
	if l.fencing() {
		l.agenda.earlier(taskFence, now)
	}
}

// fencing reports whether only a PING can tell that messages were taken.
func (l *link) fencing() bool {
	on := l.server.caps.on
	return !on["echo-message"] && !(on["labeled-response"] && on["batch"])
}

// setFence sends the PING behind the messages, one at a time. While more
// messages wait to be written it waits too, up to a point.
func (l *link) setFence(now time.Time) {
	f := &l.server.fence
	if f.token != "" || len(l.unconfirmed) == 0 || l.wire == nil {
		return
	}
	if len(l.out.queue[normal]) > 0 && len(l.unconfirmed) < 4 {
		return // the next line written comes here again
	}
	f.token = "fence-" + strconv.FormatUint(l.written, 36)
	f.upTo, f.at = l.written, now
	l.say(urgent, "PING", f.token)
}

// drop removes a finished message's lines from what waits.
func (l *link) drop(out *outgoing) {
	for i, q := range l.out.queue {
		kept := q[:0]
		for _, it := range q {
			if it.message == nil || it.message.of != out {
				kept = append(kept, it)
			}
		}
		clear(q[len(kept):])
		l.out.queue[i] = kept
	}
}

// messagesOpen reports whether any message waits to be written or confirmed.
func (l *link) messagesOpen() bool {
	if len(l.unconfirmed) > 0 {
		return true
	}
	return slices.ContainsFunc(l.out.queue[normal], func(it item) bool { return it.message != nil })
}
