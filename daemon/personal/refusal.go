// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import "spectrum.im/spectrum2/daemon/xmpp"

// refusal is the error that a client is answered with.
type refusal struct {
	typ, condition, text string
	// detail is the application's own condition.
	detail *xmpp.Element
}

func (r *refusal) Error() string { return r.condition + ": " + r.text }

func refuse(condition, text string) error { return &refusal{condition: condition, text: text} }

// refuseWith is refuse with a type of error other than the condition's own, ""
// for that one, and the application's condition.
func refuseWith(typ, condition, text string, detail *xmpp.Element) error {
	return &refusal{typ: typ, condition: condition, text: text, detail: detail}
}

// reply is the error stanza.
func (r *refusal) reply(iq *xmpp.Element) *xmpp.Element {
	reply := xmpp.ErrorReply(iq, r.typ, r.condition, r.text)
	if r.detail != nil {
		reply.Child(xmpp.NSClient, "error").Add(r.detail)
	}
	return reply
}
