// SPDX-License-Identifier: GPL-2.0-or-later

package dataform

import (
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Element is the form as XML; nil for nil.
func (f *Form) Element() *xmpp.Element {
	if f == nil {
		return nil
	}
	x := xmpp.New(NS, "x").Set("type", f.Type)
	if f.Title != "" {
		x.Add(xmpp.NewText(NS, "title", f.Title))
	}
	if f.Instructions != "" {
		for line := range strings.SplitSeq(f.Instructions, "\n") {
			x.Add(xmpp.NewText(NS, "instructions", line))
		}
	}
	if len(f.Reported) > 0 {
		x.Add(addFields(xmpp.New(NS, "reported"), f.Reported))
	}
	addFields(x, f.Fields)
	for _, item := range f.Items {
		x.Add(addFields(xmpp.New(NS, "item"), item))
	}
	return x
}

func addFields(to *xmpp.Element, fields []Field) *xmpp.Element {
	for i := range fields {
		to.Add(fields[i].element())
	}
	return to
}

func (f *Field) element() *xmpp.Element {
	e := xmpp.New(NS, "field").Set("var", f.Var).Set("type", f.Type).Set("label", f.Label)
	if f.Desc != "" {
		e.Add(xmpp.NewText(NS, "desc", f.Desc))
	}
	if f.Required {
		e.Add(xmpp.New(NS, "required"))
	}
	for _, v := range f.Values {
		e.Add(xmpp.NewText(NS, "value", v))
	}
	for _, o := range f.Options {
		e.Add(xmpp.New(NS, "option").Set("label", o.Label).Add(xmpp.NewText(NS, "value", o.Value)))
	}
	return e
}

// Parse reads <x/>; nil if x is something else. A form without a type counts
// as a submission, as some clients send it.
func Parse(x *xmpp.Element) *Form {
	if !x.Is(NS, "x") {
		return nil
	}
	f := &Form{Type: x.Get("type"), Title: x.ChildText(NS, "title")}
	if f.Type == "" {
		f.Type = TypeSubmit
	}
	for c := range x.Children() {
		switch {
		case c.Is(NS, "instructions"):
			if f.Instructions != "" {
				f.Instructions += "\n"
			}
			f.Instructions += c.Text()
		case c.Is(NS, "field"):
			f.Fields = append(f.Fields, parseField(c))
		case c.Is(NS, "reported"):
			f.Reported = parseFields(c)
		case c.Is(NS, "item"):
			f.Items = append(f.Items, parseFields(c))
		}
	}
	return f
}

func parseFields(e *xmpp.Element) []Field {
	var fields []Field
	for c := range e.Children() {
		if c.Is(NS, "field") {
			fields = append(fields, parseField(c))
		}
	}
	return fields
}

func parseField(e *xmpp.Element) Field {
	f := Field{Var: e.Get("var"), Type: e.Get("type"), Label: e.Get("label"), Desc: e.ChildText(NS, "desc")}
	for c := range e.Children() {
		switch {
		case c.Is(NS, "required"):
			f.Required = true
		case c.Is(NS, "value"):
			f.Values = append(f.Values, c.Text())
		case c.Is(NS, "option"):
			f.Options = append(f.Options, Option{Label: c.Get("label"), Value: c.ChildText(NS, "value")})
		}
	}
	return f
}
