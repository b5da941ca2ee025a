// SPDX-License-Identifier: GPL-2.0-or-later

package register

import (
	"context"

	"spectrum.im/spectrum2/daemon/store"
)

// Names of the form's fields, as XEP-0077 and the C++ version have them.
const (
	FieldUsername   = "username"
	FieldPassword   = "password"
	FieldLanguage   = "language"
	FieldUnregister = "unregister"
)

// Kind is what sort of answer a step wants.
type Kind int

// The kinds of steps. A registration begins with a Form; the others come from
// the network during the login (backend protocol, STEP).
const (
	Form Kind = iota
	Code
	Link
	QR
)

// Step is one question to the user.
type Step struct {
	Kind         Kind
	Title        string
	Instructions string
	Fields       []Field
	// URI is what a Link opens and a QR code shows.
	URI string
}

// Field is one thing that is asked for.
type Field struct {
	Name, Label string
	// Value is what is known already; never a secret.
	Value    string
	Secret   bool
	Required bool
}

// First is the step that a registration begins with, filled with what is
// registered; u is nil for a new user.
func (r *Registrar) First(u *store.User) Step {
	cfg := r.Config().Registration
	s := Step{Kind: Form, Title: "Registration", Instructions: cfg.Instructions}
	name := Field{Name: FieldUsername, Label: cfg.UsernameLabel, Required: true}
	if u != nil {
		name.Value = u.Name
	}
	s.Fields = append(s.Fields, name)
	if r.Features().NeedPassword || r.passwordUseful() {
		s.Fields = append(s.Fields, Field{
			Name: FieldPassword, Label: cfg.PasswordLabel, Secret: true,
			Required: r.Features().NeedPassword,
		})
	}
	return s
}

// passwordUseful: networks without a need for a password may still know one
// (an IRC nick's with NickServ).
func (r *Registrar) passwordUseful() bool { return r.Features().NeedRegistration }

// Unregister reports whether the answers of a form ask for removal.
func Unregister(answers map[string]string) bool {
	switch answers[FieldUnregister] {
	case "1", "true":
		return true
	}
	return false
}

// FirstFor is First for whoever asks: his registration is looked up, and a
// Refusal says why he may not.
func (r *Registrar) FirstFor(ctx context.Context, jid string) (Step, *store.User, error) {
	if err := r.Allowed(jid); err != nil {
		return Step{}, nil, err
	}
	u, err := r.Registered(ctx, jid)
	if err != nil {
		return Step{}, nil, err
	}
	return r.First(u), u, nil
}
