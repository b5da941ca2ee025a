// SPDX-License-Identifier: GPL-2.0-or-later

package muc

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// AdminQuery is the <query/> that reads or changes roles and affiliations
// (XEP-0045 §8, §9).
type AdminQuery struct{ Items []Item }

// AdminOf reads the query of an IQ; nil if it is something else.
func AdminOf(iq *xmpp.Element) *AdminQuery {
	q := iq.Child(NSAdmin, "query")
	if q == nil {
		return nil
	}
	a := &AdminQuery{}
	for c := range q.Children() {
		if c.Is(NSAdmin, "item") {
			a.Items = append(a.Items, parseItem(c))
		}
	}
	return a
}

// Element is <query/>.
func (a AdminQuery) Element() *xmpp.Element {
	q := xmpp.New(NSAdmin, "query")
	for _, i := range a.Items {
		q.Add(i.Element(NSAdmin))
	}
	return q
}

// OwnerQuery is the <query/> that reads or changes a room's configuration, or
// destroys the room (XEP-0045 §10). A get has neither.
type OwnerQuery struct {
	Form    *dataform.Form
	Destroy *Destroy
}

// OwnerOf reads the query of an IQ; nil if it is something else.
func OwnerOf(iq *xmpp.Element) *OwnerQuery {
	q := iq.Child(NSOwner, "query")
	if q == nil {
		return nil
	}
	o := &OwnerQuery{Form: dataform.Of(q)}
	if d := q.Child(NSOwner, "destroy"); d != nil {
		o.Destroy = parseDestroy(d)
	}
	return o
}

// Element is <query/>.
func (o OwnerQuery) Element() *xmpp.Element {
	q := xmpp.New(NSOwner, "query").Add(o.Form.Element())
	if o.Destroy != nil {
		q.Add(o.Destroy.element(NSOwner))
	}
	return q
}

// Subject reports whether a groupchat message sets the subject: it has one and
// neither body nor thread (XEP-0045 §8.1).
func Subject(message *xmpp.Element) (string, bool) {
	s := message.Child(xmpp.NSClient, "subject")
	if s == nil || message.Child(xmpp.NSClient, "body") != nil || message.Child(xmpp.NSClient, "thread") != nil {
		return "", false
	}
	return s.Text(), true
}

// Conditions of failed joins (XEP-0045 §7.2) are stanza errors.
const (
	ErrPassword = xmpp.NotAuthorized        // 401
	ErrBanned   = xmpp.Forbidden            // 403
	ErrNotFound = xmpp.ItemNotFound         // 404
	ErrLocked   = xmpp.NotAllowed           // 405
	ErrNick     = xmpp.NotAcceptable        // 406
	ErrMember   = xmpp.RegistrationRequired // 407
	ErrConflict = xmpp.Conflict             // 409
	ErrFull     = xmpp.ServiceUnavailable   // 503
)

// JoinError answers a join from the room's bare JID's occupant as XEP-0045
// asks: with <x/> beside the error. It is nil where no error may be sent.
func JoinError(presence *xmpp.Element, condition, text string) *xmpp.Element {
	r := xmpp.ErrorReply(presence, joinErrorType(condition), condition, text)
	if r == nil {
		return nil
	}
	r.Child(xmpp.NSClient, "error").Set("by", bare(presence.Get("to")))
	r.Nodes = append([]xmpp.Node{{Element: xmpp.New(NS, "x")}}, r.Nodes...)
	return r
}

// joinErrorType is the type that XEP-0045's examples give, where it is not
// RFC 6120's.
func joinErrorType(condition string) string {
	if condition == ErrFull {
		return "wait"
	}
	return ""
}

func bare(jid string) string {
	for i := range len(jid) {
		if jid[i] == '/' {
			return jid[:i]
		}
	}
	return jid
}
