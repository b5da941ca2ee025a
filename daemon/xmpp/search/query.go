// SPDX-License-Identifier: GPL-2.0-or-later

package search

import (
	"slices"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// legacy are the fields of the rendering without a data form (XEP-0055 §2.1).
var legacy = []string{"first", "last", "nick", "email"}

// Element is the <query/> that offers the form, in both renderings.
func (f Form) Element() *xmpp.Element {
	q := xmpp.New(NS, "query")
	if f.Instructions != "" {
		q.Add(xmpp.NewText(NS, "instructions", f.Instructions))
	}
	form := dataform.New(dataform.TypeForm, NS)
	form.Title, form.Instructions = "Search", f.Instructions
	for _, fd := range f.Fields {
		if slices.Contains(legacy, fd.Name) {
			q.Add(xmpp.New(NS, fd.Name))
		}
		form.Add(fd.form())
	}
	return q.Add(form.Element())
}

func (f Field) form() dataform.Field {
	out := dataform.Field{Var: f.Name, Type: dataform.TextSingle, Label: f.Label, Required: f.Required}
	for _, o := range f.Options {
		out.Type = dataform.ListSingle
		out.Options = append(out.Options, dataform.Option{Value: o})
	}
	return out
}

// Submission is what a filled in form says.
type Submission struct {
	Fields map[string]string
	// Form: it came as a data form, and so goes the answer.
	Form, Cancelled bool
}

// SubmissionOf reads the <query/> of a search; nil if e is something else. A
// data form counts for more than what stands beside it.
func SubmissionOf(e *xmpp.Element) *Submission {
	if !e.Is(NS, "query") {
		return nil
	}
	s := &Submission{Fields: map[string]string{}}
	if x := dataform.Of(e); x != nil {
		s.Form, s.Cancelled = true, x.Type == dataform.TypeCancel
		s.Fields = x.Values()
		return s
	}
	for c := range e.Children() {
		if c.Space == NS && slices.Contains(legacy, c.Name) {
			s.Fields[c.Name] = c.Text()
		}
	}
	return s
}

// Element is the <query/> with what was found: a table with a column of JIDs
// where a form was submitted, else the legacy items (XEP-0055 §2.2).
func (r Result) Element(form bool) *xmpp.Element {
	q := xmpp.New(NS, "query")
	if form {
		return q.Add(r.table().Element())
	}
	for _, row := range r.Rows {
		item := xmpp.New(NS, "item").Set("jid", row.JID)
		for i, c := range r.Columns {
			if slices.Contains(legacy, c.Name) {
				item.Add(xmpp.NewText(NS, c.Name, row.value(i)))
			}
		}
		q.Add(item)
	}
	return q
}

func (r Result) table() *dataform.Form {
	x := dataform.New(dataform.TypeResult, NS)
	x.Title = "Search"
	if r.More {
		x.Instructions = "There are more. Search for something narrower to see them."
	}
	x.Reported = []dataform.Field{{Var: "jid", Type: dataform.JIDSingle, Label: "Address"}}
	for _, c := range r.columns() {
		x.Reported = append(x.Reported, dataform.Field{Var: c.Name, Type: dataform.TextSingle, Label: c.Label})
	}
	for _, row := range r.Rows {
		item := []dataform.Field{{Var: "jid", Values: []string{row.JID}}}
		for i, c := range r.Columns {
			if c.Name != "jid" {
				item = append(item, dataform.Field{Var: c.Name, Values: []string{row.value(i)}})
			}
		}
		x.Items = append(x.Items, item)
	}
	return x
}

// columns are those beside the address, which has its own.
func (r Result) columns() []Column {
	return slices.DeleteFunc(slices.Clone(r.Columns), func(c Column) bool { return c.Name == "jid" })
}

func (r Row) value(i int) string {
	if i < len(r.Values) {
		return r.Values[i]
	}
	return ""
}
