// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"strings"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// iqTo is an IQ that the client sends.
func (c *Client) iqTo(ctx context.Context, to jid.JID, where destination, iq *xmpp.Element) {
	switch iq.Get("type") {
	case "get", "set":
		c.requestTo(ctx, to, where, iq)
	case "result", "error":
		c.resultTo(ctx, where, iq)
	default:
		c.refuse(iq, xmpp.BadRequest, "There is no such type of IQ")
	}
}

// resultTo is the answer to a question that somebody asked the client.
func (c *Client) resultTo(ctx context.Context, where destination, iq *xmpp.Element) {
	if c.answered(ctx, iq) {
		return
	}
	switch where {
	case toOwn:
		c.u.post(arrived{iq})
	case toDomain:
		c.u.o.Transport(ctx, iq)
	case toContact:
		c.toSession(ctx, iq)
	}
}

func (c *Client) requestTo(ctx context.Context, to jid.JID, where destination, iq *xmpp.Element) {
	payload := iq.First()
	if iq.Get("id") == "" || payload == nil {
		c.refuse(iq, xmpp.BadRequest, "A request needs an id and one payload")
		return
	}
	switch where {
	case toAccount:
		c.accountRequest(ctx, iq, payload)
	case toOwn:
		c.u.post(arrived{iq})
	case toForeign:
		c.noServer(iq)
	case toDomain:
		c.u.o.Transport(ctx, iq)
	case toContact:
		if c.u.blocked(to.Bare().String()) {
			c.refuseBlocked(iq)
			return
		}
		// The archive of a room is kept for the user (XEP-0313).
		if strings.HasPrefix(payload.Space, "urn:xmpp:mam:") && c.askServices(ctx, iq) {
			return
		}
		c.toSession(ctx, iq)
	}
}

// askServices lets what is kept for the user answer. It reports whether it did.
func (c *Client) askServices(ctx context.Context, iq *xmpp.Element) bool {
	s := c.u.kept()
	if s == nil {
		return false
	}
	reply, handled := s.IQ(ctx, iq)
	if handled {
		c.reply(reply)
	}
	return handled
}

// iq delivers an IQ for the user: to the client that it is for, connected is
// enough (RFC 6121 §8.5.3.1), or answers on his behalf (§8.5.2.1.3).
func (u *User) iq(iq *xmpp.Element, resource string) {
	c, blocked := u.find(resource), u.blocked(bareOf(iq.Get("from")))
	switch {
	case !blocked && c != nil && c.give(iq):
	case !xmpp.IsRequest(iq):
	case blocked || resource != "":
		u.later("error", func(ctx context.Context) { u.bounce(ctx, iq, xmpp.ServiceUnavailable) })
	default:
		u.later("answer of the account", func(ctx context.Context) { u.route(ctx, u.onBehalf(ctx, iq)) })
	}
}

// onBehalf answers what somebody else asks of the account.
func (u *User) onBehalf(ctx context.Context, iq *xmpp.Element) *xmpp.Element {
	payload := iq.First()
	if iq.Get("type") == "get" && payload != nil {
		switch payload.Space {
		case disco.NSInfo:
			return u.info(iq, payload)
		case ping.NS:
			return xmpp.Result(iq)
		case version.NS:
			return u.version(iq)
		case vcard.NS:
			if card := u.card(ctx); card != nil {
				return xmpp.Result(iq).Add(card)
			}
			return xmpp.ErrorReply(iq, "", xmpp.ItemNotFound, "")
		}
	}
	return xmpp.ErrorReply(iq, "", xmpp.ServiceUnavailable, "")
}
