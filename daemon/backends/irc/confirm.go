// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"slices"
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// sendErrors are the numerics that refuse a message; its target is their
// second parameter.
var sendErrors = []string{
	"401", "402", "403", "404", "406", "407", "408", "411", "412", "413", "414", "415", "417",
	"477", "486", "489", "492", "494", "531", "573", "716",
}

// sendConditions are the stanza errors that fit; policy-violation else.
var sendConditions = map[string]string{
	"401": "item-not-found", "402": "item-not-found", "403": "item-not-found", "406": "item-not-found",
	"404": "forbidden", "477": "registration-required", "486": "registration-required", "716": "forbidden",
}

// onSendError is a refusal of the oldest unconfirmed message to that target,
// or of the one with its label.
func (l *link) onSendError(in *incoming) {
	condition := sendConditions[in.command]
	if condition == "" {
		condition = "policy-violation"
	}
	reason := plain(in.last())
	if l.failLabel(l.label(in), condition, reason) {
		return
	}
	if l.answers.failed(in, l.server) {
		return
	}
	target := l.server.casemap.fold(l.server.channelOf(in.param(1)))
	i := slices.IndexFunc(l.unconfirmed, func(s *sentLine) bool { return s.target == target })
	if i < 0 {
		if !l.serviceMissing(in.param(1)) {
			l.onOtherError(in)
		}
		return
	}
	l.refuseLine(i, condition, reason)
}

// failLabel refuses the message line with that label, if there is one.
func (l *link) failLabel(label, condition, reason string) bool {
	i := l.byLabel(label)
	if i < 0 {
		return false
	}
	l.refuseLine(i, condition, reason)
	return true
}

func (l *link) byLabel(label string) int {
	if label == "" {
		return -1
	}
	return slices.IndexFunc(l.unconfirmed, func(s *sentLine) bool { return s.label == label })
}

func (l *link) refuseLine(i int, condition, reason string) {
	out := l.unconfirmed[i].of
	l.unconfirmed = slices.Delete(l.unconfirmed, i, i+1)
	if !out.over {
		out.over = true
		out.result.Refused(condition, reason)
		l.drop(out)
	}
}

// onAck is the labeled answer to a command that has no other.
func (l *link) onAck(in *incoming) {
	if i := l.byLabel(l.label(in)); i >= 0 && !l.server.caps.on["echo-message"] {
		l.confirm(i, "")
	}
}

// confirmEcho confirms a line by its echo: by the label, else the oldest one
// with that target and text.
func (l *link) confirmEcho(label, target, text, id string) bool {
	i := l.byLabel(label)
	if i < 0 {
		target = l.server.casemap.fold(target)
		i = slices.IndexFunc(l.unconfirmed, func(s *sentLine) bool { return s.target == target && s.text == text })
	}
	if i < 0 {
		return false
	}
	l.confirm(i, id)
	return true
}

// confirmUpTo confirms all lines up to that number.
func (l *link) confirmUpTo(number uint64) {
	for len(l.unconfirmed) > 0 && l.unconfirmed[0].number <= number {
		l.confirm(0, "")
	}
}

// confirm settles a line, and with its last line the message: only now it is
// shown in the room, once, as the user wrote it.
func (l *link) confirm(i int, id string) {
	out := l.unconfirmed[i].of
	l.unconfirmed = slices.Delete(l.unconfirmed, i, i+1)
	if out.remoteID == "" {
		out.remoteID = id
	}
	if out.left--; out.left > 0 || out.over {
		return
	}
	out.over = true
	if out.remoteID == "" && out.room != nil {
		// The result and the message in the room are one message: whoever shows
		// both knows it by the id.
		l.ids++
		out.remoteID = l.idPrefix + strconv.FormatUint(l.ids, 36)
	}
	out.result.Delivered(out.remoteID)
	if r := out.room; r != nil && r.joined {
		l.user.Message(backend.Incoming{
			From: r.legacy, Occupant: l.server.nick, Text: out.text, XHTML: out.xhtml, RemoteID: out.remoteID,
		})
	}
}

// giveUpOld reports messages as unknown that the server never confirmed.
func (l *link) giveUpOld(now time.Time) {
	for len(l.unconfirmed) > 0 {
		s := l.unconfirmed[0]
		if end := s.at.Add(confirmTimeout); end.After(now) {
			l.agenda.earlier(taskConfirm, end)
			return
		}
		l.unconfirmed = l.unconfirmed[1:]
		s.of.unknown("The network did not confirm it")
	}
}

func (o *outgoing) unknown(reason string) {
	if !o.over {
		o.over = true
		o.result.Unknown(reason)
	}
}

// dropMessages settles everything at the end of a connection: what was written
// may have arrived, what was not has not.
func (l *link) dropMessages(why string) {
	for _, s := range l.unconfirmed {
		s.of.unknown(why + " before it was confirmed")
	}
	l.unconfirmed = nil
	for _, it := range l.out.drop() {
		if it.message == nil || it.message.of.over {
			continue
		}
		out := it.message.of
		if out.left < out.total {
			out.unknown(why + " before all of it was sent")
			continue
		}
		out.over = true
		out.result.Refused("remote-server-timeout", why+" before it was sent")
	}
}
