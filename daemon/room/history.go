// SPDX-License-Identifier: GPL-2.0-or-later

package room

import (
	"slices"
	"time"
)

// The history keeps the last messages, and of those no more than this many
// bytes of text: a user is in many rooms.
const (
	historyMessages = 50
	historyBytes    = 32 << 10
)

// Message is something said in the room.
type Message struct {
	Nick  string
	Text  string
	XHTML string
	// ID is the stanza's, RemoteID the network's own, "" where there is none.
	ID, RemoteID string
	At           time.Time
}

func (m Message) size() int { return len(m.Nick) + len(m.Text) + len(m.XHTML) }

// history is a queue that forgets its oldest entries.
type history struct {
	messages []Message
	bytes    int
}

// Wanted is how much history a client asks for (XEP-0045 §7.2.13). The zero
// Wanted is nothing at all; Everything is the start.
type Wanted struct {
	// Stanzas and Chars are limits, negative for none.
	Stanzas, Chars int
	// Since leaves out what is older, zero for nothing.
	Since time.Time
}

// Everything asks for all that is kept.
var Everything = Wanted{Stanzas: -1, Chars: -1}

// Said keeps m and forgets what is too old for the limits. It answers false,
// and keeps nothing, if a message with that RemoteID is there already: networks
// repeat their own history after each join.
func (r *Room) Said(m Message) bool {
	h := &r.history
	if m.RemoteID != "" && slices.ContainsFunc(h.messages, func(o Message) bool { return o.RemoteID == m.RemoteID }) {
		return false
	}
	h.messages = append(h.messages, m)
	h.bytes += m.size()
	drop := 0
	for len(h.messages)-drop > 1 && (len(h.messages)-drop > historyMessages || h.bytes > historyBytes) {
		h.bytes -= h.messages[drop].size()
		drop++
	}
	h.messages = slices.Delete(h.messages, 0, drop)
	return true
}

// History is what is kept and wanted, oldest first. The newest are kept where
// a limit cuts.
func (r *Room) History(w Wanted) []Message {
	all := r.history.messages
	first, chars := len(all), 0
	for i := len(all) - 1; i >= 0; i-- {
		chars += len(all[i].Text)
		if w.Stanzas >= 0 && len(all)-i > w.Stanzas || w.Chars >= 0 && chars > w.Chars || all[i].At.Before(w.Since) {
			break
		}
		first = i
	}
	return append([]Message(nil), all[first:]...)
}
