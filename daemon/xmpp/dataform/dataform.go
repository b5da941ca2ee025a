// SPDX-License-Identifier: GPL-2.0-or-later

// Package dataform is data forms (XEP-0004): forms to fill in, what was filled
// in, and tables of results. It checks nothing against a field's type except
// where a method says so.
package dataform

import (
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace of data forms.
const NS = "jabber:x:data"

// Types of forms.
const (
	TypeForm   = "form"
	TypeSubmit = "submit"
	TypeCancel = "cancel"
	TypeResult = "result"
)

// Types of fields (XEP-0004 §3.3).
const (
	Boolean     = "boolean"
	Fixed       = "fixed"
	Hidden      = "hidden"
	JIDMulti    = "jid-multi"
	JIDSingle   = "jid-single"
	ListMulti   = "list-multi"
	ListSingle  = "list-single"
	TextMulti   = "text-multi"
	TextPrivate = "text-private"
	TextSingle  = "text-single"
)

// Form is <x/>.
type Form struct {
	Type         string
	Title        string
	Instructions string // lines become one <instructions/> each
	Fields       []Field
	Reported     []Field   // columns of a table of results
	Items        [][]Field // its rows
}

// Field is one field of a form.
type Field struct {
	Var, Type, Label, Desc string
	Required               bool
	Values                 []string
	Options                []Option
}

// Option is a choice of a list.
type Option struct{ Label, Value string }

// New makes a form of a type; with a formType its hidden FORM_TYPE (XEP-0068)
// comes first.
func New(typ, formType string) *Form {
	f := &Form{Type: typ}
	if formType != "" {
		f.Fields = append(f.Fields, Field{Var: "FORM_TYPE", Type: Hidden, Values: []string{formType}})
	}
	return f
}

// Add appends a field and returns f.
func (f *Form) Add(fields ...Field) *Form {
	f.Fields = append(f.Fields, fields...)
	return f
}

// Submit makes the submission of values, in pairs of name and value.
func Submit(formType string, pairs ...string) *Form {
	f := New(TypeSubmit, formType)
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(Field{Var: pairs[i], Values: []string{pairs[i+1]}})
	}
	return f
}

// Field returns the field of that name, or nil.
func (f *Form) Field(name string) *Field {
	if f == nil {
		return nil
	}
	for i := range f.Fields {
		if f.Fields[i].Var == name {
			return &f.Fields[i]
		}
	}
	return nil
}

// Get is the first value of a field, "" without one.
func (f *Form) Get(name string) string {
	if fd := f.Field(name); fd != nil {
		return fd.Value()
	}
	return ""
}

// Has reports whether the form has a field of that name.
func (f *Form) Has(name string) bool { return f.Field(name) != nil }

// Bool is a field's value as a boolean (XEP-0004 §3.3: 1 and true).
func (f *Form) Bool(name string) bool {
	v := strings.TrimSpace(f.Get(name))
	return v == "1" || v == "true"
}

// FormType is the form's FORM_TYPE (XEP-0068).
func (f *Form) FormType() string { return f.Get("FORM_TYPE") }

// Values are all fields by name with their values joined by newlines, without
// FORM_TYPE and without nameless fields.
func (f *Form) Values() map[string]string {
	m := make(map[string]string)
	if f == nil {
		return m
	}
	for _, fd := range f.Fields {
		if fd.Var != "" && fd.Var != "FORM_TYPE" {
			m[fd.Var] = strings.Join(fd.Values, "\n")
		}
	}
	return m
}

// Value is the field's first value.
func (f *Field) Value() string {
	if len(f.Values) == 0 {
		return ""
	}
	return f.Values[0]
}

// Of returns the form that is a child of e, or nil.
func Of(e *xmpp.Element) *Form { return Parse(e.Child(NS, "x")) }
