// SPDX-License-Identifier: GPL-2.0-or-later

// Package register is in-band registration's payload (XEP-0077), in its legacy
// and its data form rendering.
package register

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
)

// Namespaces.
const (
	NS        = "jabber:iq:register"
	NSFeature = "http://jabber.org/features/iq-register"
)

// legacy are the fields that the legacy form has (XEP-0077 §14.1), in its
// order. Others exist in the data form only.
var legacy = []string{
	"username", "nick", "password", "name", "first", "last", "email", "address", "city", "state",
	"zip", "phone", "url", "date", "misc", "text", "key",
}

// IsLegacy reports whether the legacy form knows a field of that name.
func IsLegacy(name string) bool {
	for _, l := range legacy {
		if l == name {
			return true
		}
	}
	return false
}

// Field is a field of the legacy form with its present value.
type Field struct{ Name, Value string }

// Query is what <query/> says, in any direction.
type Query struct {
	Registered   bool
	Remove       bool
	Instructions string
	Fields       []Field        // legacy rendering
	Form         *dataform.Form // data form, if any
	URL          string         // where to register on the web (XEP-0077 §5)
}

// Element is <query/>.
func (q Query) Element() *xmpp.Element {
	e := xmpp.New(NS, "query")
	if q.Registered {
		e.Add(xmpp.New(NS, "registered"))
	}
	if q.Remove {
		e.Add(xmpp.New(NS, "remove"))
	}
	if q.Instructions != "" {
		e.Add(xmpp.NewText(NS, "instructions", q.Instructions))
	}
	for _, f := range q.Fields {
		e.Add(xmpp.NewText(NS, f.Name, f.Value))
	}
	e.Add(q.Form.Element())
	if q.URL != "" {
		e.Add(oob.OOB{URL: q.URL}.Element())
	}
	return e
}

// Parse reads <query/>; nil if e is something else.
func Parse(e *xmpp.Element) *Query {
	if !e.Is(NS, "query") {
		return nil
	}
	q := &Query{Form: dataform.Of(e), URL: oob.Of(e).URL}
	for c := range e.Children() {
		switch {
		case c.Space != NS:
		case c.Name == "registered":
			q.Registered = true
		case c.Name == "remove":
			q.Remove = true
		case c.Name == "instructions":
			q.Instructions = c.Text()
		case IsLegacy(c.Name):
			q.Fields = append(q.Fields, Field{c.Name, c.Text()})
		}
	}
	return q
}

// Values are the submitted fields by name: the data form's where there is one
// (XEP-0077 §3.3), else the legacy ones.
func (q *Query) Values() map[string]string {
	if q.Form != nil && q.Form.Type == dataform.TypeSubmit {
		return q.Form.Values()
	}
	m := make(map[string]string, len(q.Fields))
	for _, f := range q.Fields {
		m[f.Name] = f.Value
	}
	return m
}

// Cancelled reports whether the user dismissed the data form.
func (q *Query) Cancelled() bool { return q.Form != nil && q.Form.Type == dataform.TypeCancel }
