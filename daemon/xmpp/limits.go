// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

// Limits bound what one stanza may cost. Zero fields stand for those of
// DefaultLimits.
type Limits struct {
	Bytes    int // of one stanza, tags and all
	Depth    int // of elements in elements, the stanza itself being 1
	Attrs    int // of one element, namespace declarations included
	Elements int // of one stanza, itself included
	// Skip is for the link with a trusted server, which carries the stanzas of
	// many: one beyond the limits, or with prefixes or attributes that cannot
	// be, is skipped in bounded memory and reported as a BadStanza, where
	// otherwise it ends the stream.
	Skip bool
	// Frugal is for a process with thousands of streams: a decoder whose peer
	// is silent keeps no buffer, at the price of one more read when he is not.
	Frugal bool
}

// DefaultLimits allow an avatar in a vCard and a long roster.
var DefaultLimits = Limits{Bytes: 1 << 20, Depth: 64, Attrs: 64, Elements: 16384}

// maxPrefixes bounds the prefixes in scope at one place, which have to be
// searched for each name.
const maxPrefixes = 128

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Bytes, DefaultLimits.Bytes}, {&l.Depth, DefaultLimits.Depth},
		{&l.Attrs, DefaultLimits.Attrs}, {&l.Elements, DefaultLimits.Elements},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// fault is what is wrong with some XML. One that skips leaves no doubt about
// where the stanza ends.
type fault struct {
	condition string // of a stream error
	stanza    string // of a stanza error, where skips
	text      string
	skips     bool
}

func (f *fault) Error() string { return f.text }

func malformed(text string) *fault { return &fault{condition: NotWellFormed, text: text} }

func excess(text string) *fault {
	return &fault{condition: PolicyViolation, stanza: NotAcceptable, text: text, skips: true}
}

func badNames(condition, text string) *fault {
	return &fault{condition: condition, stanza: BadRequest, text: text, skips: true}
}
