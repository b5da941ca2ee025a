// SPDX-License-Identifier: GPL-2.0-or-later

// Package search is the payload of directory search (XEP-0055), in its legacy
// and its data form rendering, and the answer to a request of it. Where the
// found people come from is the caller's.
package search

// NS is the namespace and the feature.
const NS = "jabber:iq:search"

// Form is what can be searched for.
type Form struct {
	Instructions string
	Fields       []Field
}

// Field is one thing to search for. The names first, last, nick and email are
// those of the legacy rendering (XEP-0055 §2.1); others exist in the data form
// only.
type Field struct {
	Name, Label string
	Required    bool
	// Options are the allowed values, empty for free text.
	Options []string
}

// Result is what was found: a table.
type Result struct {
	Columns []Column
	Rows    []Row
	// More: there are further ones, which the directory does not show.
	More bool
}

// Column is one thing that is told about everybody found.
type Column struct{ Name, Label string }

// Row is one of those found; Values are in the order of the columns.
type Row struct {
	// JID is the address of the contact.
	JID    string
	Values []string
}

// Error is why a search was refused: an error condition (RFC 6120 §8.3.3) and
// a sentence for the user.
type Error struct {
	Condition, Text string
	// Err is the cause; may be nil.
	Err error
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Err }
