// SPDX-License-Identifier: GPL-2.0-or-later

package register

import (
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// Form renders a step as a data form (XEP-0004). formType may be empty.
func (s Step) Form(formType string) *dataform.Form {
	f := dataform.New(dataform.TypeForm, formType)
	f.Title, f.Instructions = s.Title, s.Instructions
	if s.URI != "" {
		f.Add(dataform.Field{Type: dataform.Fixed, Values: []string{s.URI}})
	}
	for _, field := range s.Fields {
		typ := dataform.TextSingle
		if field.Secret {
			typ = dataform.TextPrivate
		}
		df := dataform.Field{Var: field.Name, Type: typ, Label: field.Label, Required: field.Required}
		if field.Value != "" {
			df.Values = []string{field.Value}
		}
		f.Add(df)
	}
	return f
}

// Query renders a step as XEP-0077 has it: the legacy form and the data form
// in one. registered adds what a registered user's client needs to know.
func (s Step) Query(registered bool) ibr.Query {
	q := ibr.Query{Registered: registered, Instructions: s.Instructions, Form: s.Form(ibr.NS)}
	for _, f := range s.Fields {
		q.Fields = append(q.Fields, ibr.Field{Name: f.Name, Value: f.Value})
	}
	if registered {
		q.Form.Add(dataform.Field{Var: FieldUnregister, Type: dataform.Boolean, Label: "Remove your registration", Values: []string{"0"}})
	}
	return q
}
