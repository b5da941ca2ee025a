// SPDX-License-Identifier: GPL-2.0-or-later

// Package commands is ad-hoc commands' payload (XEP-0050).
package commands

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// NS is the namespace, the feature, and the node of the list of commands.
const NS = "http://jabber.org/protocol/commands"

// Actions of a request, and those that an answer offers.
const (
	Execute  = "execute"
	Cancel   = "cancel"
	Prev     = "prev"
	Next     = "next"
	Complete = "complete"
)

// Statuses of an answer.
const (
	Executing = "executing"
	Completed = "completed"
	Canceled  = "canceled"
)

// Conditions of commands' errors (XEP-0050 §4.4), in NS beside the stanza's
// condition.
const (
	BadAction       = "bad-action"
	BadSessionID    = "bad-sessionid"
	MalformedAction = "malformed-action"
	SessionExpired  = "session-expired"
)

// Note types.
const (
	Info  = "info"
	Warn  = "warn"
	Error = "error"
)

// Note is a line for the user.
type Note struct{ Type, Text string }

// Command is <command/>, request or answer.
type Command struct {
	Node, SessionID string
	Action          string   // of a request; "" is execute
	Status          string   // of an answer
	Actions         []string // an answer's allowed ones, beside execute and cancel
	Default         string   // what execute means: one of Actions
	Notes           []Note
	Form            *dataform.Form
}

// Element is <command/>.
func (c Command) Element() *xmpp.Element {
	e := xmpp.New(NS, "command").Set("node", c.Node).Set("sessionid", c.SessionID).
		Set("action", c.Action).Set("status", c.Status)
	if len(c.Actions) > 0 {
		a := xmpp.New(NS, "actions").Set("execute", c.Default)
		for _, name := range c.Actions {
			a.Add(xmpp.New(NS, name))
		}
		e.Add(a)
	}
	e.Add(c.Form.Element())
	for _, n := range c.Notes {
		e.Add(xmpp.NewText(NS, "note", n.Text).Set("type", n.Type))
	}
	return e
}

// Parse reads <command/>; nil if e is something else.
func Parse(e *xmpp.Element) *Command {
	if !e.Is(NS, "command") {
		return nil
	}
	c := &Command{
		Node: e.Get("node"), SessionID: e.Get("sessionid"), Action: e.Get("action"),
		Status: e.Get("status"), Form: dataform.Of(e),
	}
	if a := e.Child(NS, "actions"); a != nil {
		c.Default = a.Get("execute")
		for name := range a.Children() {
			c.Actions = append(c.Actions, name.Name)
		}
	}
	for n := range e.Children() {
		if n.Is(NS, "note") {
			c.Notes = append(c.Notes, Note{n.Get("type"), n.Text()})
		}
	}
	return c
}

// ErrorReply answers iq with a bad-request that carries one of the conditions
// above (for SessionExpired the stanza's condition is not-allowed).
func ErrorReply(iq *xmpp.Element, condition, text string) *xmpp.Element {
	stanza := xmpp.BadRequest
	if condition == SessionExpired {
		stanza = xmpp.NotAllowed
	}
	r := xmpp.ErrorReply(iq, "", stanza, text)
	if r != nil {
		r.Child(xmpp.NSClient, "error").Add(xmpp.New(NS, condition))
	}
	return r
}
