// SPDX-License-Identifier: GPL-2.0-or-later

package search

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Find searches by the fields that were filled in. An *Error says what the user
// is told; any other error is not shown.
type Find func(ctx context.Context, fields map[string]string) (Result, error)

// Reply is the answer to an IQ whose payload is in NS: the form for a get, what
// find found for a set. It waits as long as find does.
func Reply(ctx context.Context, iq *xmpp.Element, form Form, find Find) *xmpp.Element {
	s := SubmissionOf(iq.First())
	switch {
	case s == nil || !xmpp.IsRequest(iq):
		return xmpp.ErrorReply(iq, "", xmpp.BadRequest, "This is no search")
	case iq.Get("type") == "get":
		return xmpp.Result(iq).Add(form.Element())
	case s.Cancelled:
		return xmpp.Result(iq)
	}
	if why := form.check(s.Fields); why != "" {
		return xmpp.ErrorReply(iq, "", xmpp.NotAcceptable, why)
	}
	found, err := find(ctx, form.filled(s.Fields))
	var refused *Error
	switch {
	case err == nil:
		return xmpp.Result(iq).Add(found.Element(s.Form))
	case errors.As(err, &refused):
		return xmpp.ErrorReply(iq, "", refused.Condition, refused.Text)
	}
	return xmpp.ErrorReply(iq, "", xmpp.ServiceUnavailable, "The search could not be made")
}

// filled are the form's fields that have a value.
func (f Form) filled(values map[string]string) map[string]string {
	m := make(map[string]string)
	for _, fd := range f.Fields {
		if v := values[fd.Name]; v != "" {
			m[fd.Name] = v
		}
	}
	return m
}

// check is why the form cannot be taken as it was filled in, "" if it can.
func (f Form) check(values map[string]string) string {
	if len(f.filled(values)) == 0 {
		return "Fill in at least one field"
	}
	for _, fd := range f.Fields {
		if fd.Required && values[fd.Name] == "" {
			label := fd.Label
			if label == "" {
				label = fd.Name
			}
			return label + " is needed"
		}
	}
	return ""
}
