// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"slices"
	"strings"
)

// wantedCaps are the capabilities that are asked for where offered (IRCv3).
var wantedCaps = []string{
	"server-time", "message-tags", "echo-message", "account-notify", "account-tag", "away-notify",
	"extended-join", "multi-prefix", "userhost-in-names", "chghost", "setname", "invite-notify",
	"batch", "labeled-response", "cap-notify", "standard-replies", "extended-monitor",
}

// caps is the state of the negotiation.
type caps struct {
	offered map[string]string
	on      map[string]bool
	// waiting are the CAP REQ lines without an answer.
	waiting int
	ended   bool
}

// maxCaps bounds what a server may offer.
const maxCaps = 200

func newCaps() caps { return caps{offered: map[string]string{}, on: map[string]bool{}} }

func (l *link) onCap(in *incoming) {
	c := &l.server.caps
	list := strings.Fields(in.last())
	switch strings.ToUpper(in.param(1)) {
	case "LS":
		c.offer(list)
		if in.param(2) != "*" {
			l.requestCaps()
		}
	case "NEW":
		c.offer(list)
		l.requestCaps()
	case "DEL":
		for _, name := range list {
			delete(c.offered, name)
			delete(c.on, name)
		}
	case "ACK":
		for _, name := range list {
			if off, isOff := strings.CutPrefix(name, "-"); isOff {
				delete(c.on, off)
			} else if slices.Contains(wantedCaps, name) || name == "sasl" {
				c.on[name] = true
			}
		}
		l.capsAnswered()
	case "NAK":
		l.capsAnswered()
	}
}

func (c *caps) offer(list []string) {
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		if len(c.offered) < maxCaps {
			c.offered[name] = value
		}
	}
}

// requestCaps asks for what is offered, wanted and not on yet. sasl goes in a
// request of its own: a refusal of the others must not cost the login.
func (l *link) requestCaps() {
	c := &l.server.caps
	var names []string
	for _, name := range wantedCaps {
		if _, ok := c.offered[name]; ok && !c.on[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		l.requestCap(strings.Join(names, " "))
	}
	if _, ok := c.offered["sasl"]; ok && l.phase == registering && l.wantSASL() {
		l.requestCap("sasl")
	}
	l.endCaps()
}

func (l *link) requestCap(names string) {
	if l.say(urgent, "CAP", "REQ", names) {
		l.server.caps.waiting++
	}
}

func (l *link) capsAnswered() {
	c := &l.server.caps
	c.waiting = max(0, c.waiting-1)
	if c.on["sasl"] && l.phase == registering && l.server.sasl == nil && c.waiting == 0 {
		l.startSASL()
	}
	l.endCaps()
}

// endCaps lets the login go on once nothing is open any more.
func (l *link) endCaps() {
	c := &l.server.caps
	if l.phase != registering || c.ended || c.waiting > 0 || l.server.sasl.open() {
		return
	}
	c.ended = true
	l.say(urgent, "CAP", "END")
}
