// SPDX-License-Identifier: GPL-2.0-or-later

// Package mam is the payloads of message archives (XEP-0313, version 2): what
// is asked of an archive, and what it answers. It keeps no messages.
package mam

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/forward"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

// Namespaces and features. NS is the feature.
const (
	NS          = "urn:xmpp:mam:2"
	NSExtended  = "urn:xmpp:mam:2#extended"
	NSStanzaID  = "urn:xmpp:sid:0" // XEP-0359
	NSHints     = "urn:xmpp:hints" // XEP-0334
	FormType    = NS
	fieldWith   = "with"
	fieldStart  = "start"
	fieldEnd    = "end"
	fieldAfter  = "after-id"
	fieldBefore = "before-id"
	fieldIDs    = "ids"
)

// Result is one message of an archive, as the payload of the message that
// brings it. st is shared.
func Result(queryID, id string, st *xmpp.Element, at time.Time) *xmpp.Element {
	return xmpp.New(NS, "result").Set("queryid", queryID).Set("id", id).Add(forward.Element(st, at))
}

// Fin ends a page. complete: there is nothing behind it in the direction that
// was asked for.
func Fin(complete bool, page rsm.Page) *xmpp.Element {
	f := xmpp.New(NS, "fin")
	if complete {
		f.Set("complete", "true")
	}
	return f.Add(page.Element())
}

// Place is one end of an archive.
type Place struct {
	ID string
	At time.Time
}

// Metadata says where an archive begins and ends; nil for an empty one
// (XEP-0313 §4.3).
func Metadata(start, end *Place) *xmpp.Element {
	return xmpp.New(NS, "metadata").Add(start.element("start"), end.element("end"))
}

func (p *Place) element(name string) *xmpp.Element {
	if p == nil {
		return nil
	}
	return xmpp.New(NS, name).Set("id", p.ID).Set("timestamp", delay.Stamp(p.At))
}

// StanzaID names a message in the archive of by (XEP-0359).
func StanzaID(by, id string) *xmpp.Element {
	return xmpp.New(NSStanzaID, "stanza-id").Set("by", by).Set("id", id)
}

// IDBy is the name that st has in the archive of by, "" for none.
func IDBy(st *xmpp.Element, by string) string {
	for c := range st.Children() {
		if c.Is(NSStanzaID, "stanza-id") && c.Get("by") == by {
			return c.Get("id")
		}
	}
	return ""
}
