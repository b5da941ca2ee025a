// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// Conditions of stanza errors (RFC 6120 §8.3.3).
const (
	BadRequest            = "bad-request"
	Conflict              = "conflict"
	FeatureNotImplemented = "feature-not-implemented"
	Forbidden             = "forbidden"
	Gone                  = "gone"
	InternalServerError   = "internal-server-error"
	ItemNotFound          = "item-not-found"
	JIDMalformed          = "jid-malformed"
	NotAcceptable         = "not-acceptable"
	NotAllowed            = "not-allowed"
	NotAuthorized         = "not-authorized"
	RecipientUnavailable  = "recipient-unavailable"
	Redirect              = "redirect"
	RegistrationRequired  = "registration-required"
	RemoteServerNotFound  = "remote-server-not-found"
	RemoteServerTimeout   = "remote-server-timeout"
	ResourceConstraint    = "resource-constraint"
	ServiceUnavailable    = "service-unavailable"
	SubscriptionRequired  = "subscription-required"
	UndefinedCondition    = "undefined-condition"
	UnexpectedRequest     = "unexpected-request"
)

// NewIQ makes an IQ. An empty id stands for a new one; the payload is added by
// the caller.
func NewIQ(typ, from, to, id string) *Element {
	if id == "" {
		id = NewID()
	}
	return stanza("iq", typ, from, to, id)
}

// NewMessage makes a message of type typ ("" is normal) with a new id.
func NewMessage(typ, from, to string) *Element {
	return stanza("message", typ, from, to, NewID())
}

// NewPresence makes a presence of type typ ("" is available), without id.
func NewPresence(typ, from, to string) *Element {
	return stanza("presence", typ, from, to, "")
}

func stanza(name, typ, from, to, id string) *Element {
	e := New(NSClient, name)
	e.Attrs = make([]Attr, 0, 4)
	for _, a := range [...]Attr{{Name: "from", Value: from}, {Name: "to", Value: to}, {Name: "type", Value: typ}, {Name: "id", Value: id}} {
		if a.Value != "" {
			e.Attrs = append(e.Attrs, a)
		}
	}
	return e
}

// Result makes the empty result that answers iq.
func Result(iq *Element) *Element {
	return stanza("iq", "result", iq.Get("to"), iq.Get("from"), iq.Get("id"))
}

// ErrorReply makes the error that answers st, with typ from StanzaErrorType if
// it is empty. text is for a person and may be empty. It is nil where no error
// may be sent: to errors, to results, to presence of type unavailable, and to
// what is no stanza (RFC 6120 §8.3.1).
func ErrorReply(st *Element, typ, condition, text string) *Element {
	if !IsStanza(st) {
		return nil
	}
	switch t := st.Get("type"); {
	case t == "error", st.Name == "iq" && t == "result", st.Name == "presence" && t == "unavailable":
		return nil
	}
	if typ == "" {
		typ = StanzaErrorType(condition)
	}
	r := stanza(st.Name, "error", st.Get("to"), st.Get("from"), st.Get("id"))
	return r.Add(NewError(typ, condition, text))
}

// NewError makes the <error/> of a stanza.
func NewError(typ, condition, text string) *Element {
	e := New(NSClient, "error").Set("type", typ).Add(New(NSStanzas, condition))
	if text != "" {
		e.Add(NewText(NSStanzas, "text", text))
	}
	return e
}

// ErrorOf reads the condition and text of an error stanza; both are empty if
// st carries no <error/>. An error without a condition is undefined-condition.
func ErrorOf(st *Element) (condition, text string) {
	e := st.Child(NSClient, "error")
	if e == nil {
		return "", ""
	}
	condition = UndefinedCondition
	for c := range e.Children() {
		if c.Space == NSStanzas && c.Name != "text" {
			condition = c.Name
			break
		}
	}
	return condition, e.ChildText(NSStanzas, "text")
}

// StanzaErrorType is the type of error that RFC 6120 §8.3.3 gives condition.
func StanzaErrorType(condition string) string {
	switch condition {
	case BadRequest, JIDMalformed, NotAcceptable, Redirect:
		return "modify"
	case Forbidden, NotAuthorized, RegistrationRequired, SubscriptionRequired:
		return "auth"
	case RecipientUnavailable, RemoteServerTimeout, ResourceConstraint, UnexpectedRequest:
		return "wait"
	}
	return "cancel"
}

// IsStanza reports whether e is a message, presence or IQ.
func IsStanza(e *Element) bool {
	if e == nil || e.Space != NSClient {
		return false
	}
	return e.Name == "message" || e.Name == "presence" || e.Name == "iq"
}

// IsRequest reports whether st is an IQ that has to be answered.
func IsRequest(st *Element) bool {
	if !st.Is(NSClient, "iq") {
		return false
	}
	t := st.Get("type")
	return t == "get" || t == "set"
}

// Body is a message's text (RFC 6121 §5.2.3).
func Body(st *Element) string { return st.ChildText(NSClient, "body") }

// SetLang sets xml:lang and returns e.
func (e *Element) SetLang(lang string) *Element {
	for i := range e.Attrs {
		if e.Attrs[i].Name == "lang" && e.Attrs[i].Space == NSXML {
			e.Attrs[i].Value = lang
			return e
		}
	}
	e.Attrs = append(e.Attrs, Attr{Space: NSXML, Name: "lang", Value: lang})
	return e
}

var (
	idPrefix = rand.Text()[:10] + "-"
	idCount  atomic.Uint64
)

// NewID makes an id that no other stanza has: a random part for this process
// and a number. It can be told by others that saw one; where an id must be
// secret, use crypto/rand.
func NewID() string {
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], idPrefix...), idCount.Add(1), 36))
}
