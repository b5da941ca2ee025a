// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/csi"
	"spectrum.im/spectrum2/daemon/xmpp/sasl2"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

const nsSM = sm.NS

// maxResource is the length of the longest resource (RFC 7622 §3.4).
const maxResource = 1023

// authenticated takes an element between authentication and bind: nothing else
// than what binds a resource or resumes a session.
func (t *stream) authenticated(ctx context.Context, e *xmpp.Element) error {
	switch {
	case e.Is(nsSM, "resume"):
		done, failed, err := t.resume(ctx, e, func(_ *Conn, resumed *xmpp.Element) *xmpp.Element { return resumed })
		if done || err != nil {
			return err
		}
		return t.say(failed)
	case e.Space == nsSM:
		return t.say(sm.Failed(xmpp.UnexpectedRequest))
	case e.Is(xmpp.NSClient, "iq") && e.Get("type") == "set" && e.Child(nsBind, "bind") != nil:
		return t.bindIQ(ctx, e)
	case xmpp.IsStanza(e):
		return &xmpp.StreamError{Condition: xmpp.NotAuthorizedEnd, Text: "bind a resource first"}
	}
	return &xmpp.StreamError{Condition: xmpp.UnsupportedStanza}
}

// bindIQ binds a resource as RFC 6120 §7 has it.
func (t *stream) bindIQ(ctx context.Context, iq *xmpp.Element) error {
	id := iq.Get("id")
	answer := func(typ string) *xmpp.Element {
		return xmpp.New(xmpp.NSClient, "iq").Set("type", typ).Set("id", id)
	}
	c, err := t.bind(ctx, iq.Child(nsBind, "bind").ChildText(nsBind, "resource"))
	var refused *BindError
	switch {
	case errors.As(err, &refused):
		t.logRefusedBind(refused)
		return t.tryAgain(answer("error").Add(bindError(refused)))
	case err != nil:
		return err
	}
	full := xmpp.NewText(nsBind, "jid", c.JID().String())
	c.attach(t, answer("result").Add(xmpp.New(nsBind, "bind").Add(full)))
	return nil
}

func bindError(e *BindError) *xmpp.Element {
	return xmpp.NewError(xmpp.StanzaErrorType(e.Condition), e.Condition, e.Text)
}

func (t *stream) logRefusedBind(e *BindError) {
	t.s.refuse.log("resource refused", "addr", t.link.addr, "jid", t.account.User(), "reason", withText(e.Condition, e.Text))
}

// tryAgain says what was refused, a few times.
func (t *stream) tryAgain(answer *xmpp.Element) error {
	if err := t.say(answer); err != nil {
		return err
	}
	if t.neg.tries++; t.neg.tries >= maxTries {
		return &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: "too many failed requests"}
	}
	return nil
}

// bind makes the session; attach must follow where there is no error.
func (t *stream) bind(ctx context.Context, wish string) (*Conn, error) {
	user := t.account.User().Bare()
	if len(wish) > maxResource {
		return nil, &BindError{Condition: xmpp.BadRequest, Text: "the resource is too long"}
	}
	wanted, err := user.WithResource(wish)
	if err != nil {
		return nil, &BindError{Condition: xmpp.BadRequest, Text: "not a valid resource"}
	}
	c := newConn(t, user)
	if !t.s.enroll(c) {
		return nil, &BindError{Condition: xmpp.ResourceConstraint, Text: "the server is full"}
	}
	resource, client, err := t.placed(ctx, c, wanted.Resourcepart())
	if err != nil {
		c.finish()
		var refused *BindError
		if !errors.As(err, &refused) {
			t.s.o.Log.Warn("cannot bind a resource", "jid", user, "addr", t.link.addr, "error", err)
			refused = &BindError{Condition: xmpp.InternalServerError}
		}
		return nil, refused
	}
	t.account = nil
	c.client = client
	full, err := user.WithResource(resource)
	if err != nil || full.Resourcepart() == "" {
		c.finish()
		t.s.o.Log.Error("handler bound what is no resource", "jid", user, "addr", t.link.addr, "error", err)
		return nil, &xmpp.StreamError{Condition: xmpp.InternalServerError}
	}
	c.named(full)
	return c, nil
}

// placed has the account give the session its place; one that panics leaves none.
func (t *stream) placed(ctx context.Context, c *Conn, wish string) (resource string, client Client, err error) {
	returned := false
	defer func() {
		if !returned {
			c.finish()
		}
	}()
	resource, client, err = t.account.Bind(ctx, c, wish)
	returned = true
	return resource, client, err
}

// bind2 binds a resource inside the login (XEP-0386). failed is the answer to a
// bind that was refused. before are answers that come first.
func (t *stream) bind2(ctx context.Context, bind, agent *xmpp.Element, before []*xmpp.Element) (failed *xmpp.Element, err error) {
	c, err := t.bind(ctx, wishFor(bind.ChildText(sasl2.NSBind, "tag"), agent.Get("id")))
	var refused *BindError
	switch {
	case errors.As(err, &refused):
		t.logRefusedBind(refused)
		return sasl2.BindFailed(refused.Condition), nil
	case err != nil:
		return nil, err
	}
	var bound []*xmpp.Element
	if enable := bind.Child(nsSM, "enable"); enable != nil {
		c.mu.Lock()
		bound = append(bound, c.manageLocked(enable))
		c.mu.Unlock()
	}
	if active, ok := csi.State(bind.Child(csi.NS, "")); ok {
		c.setActive(active)
	}
	if bind.Child(nsCarbons, "enable") != nil {
		c.enableCarbons(ctx)
	}
	f := xmpp.New(xmpp.NSStream, "features").Add(t.s.boundFeatures()...)
	success := sasl2.Success(c.JID().String(), append(before, sasl2.Bound(bound...))...)
	c.attach(t, success, f)
	return nil, nil
}

// wishFor makes a resource from the client's tag: the same one each time for
// one installation, so that it takes its own place again.
func wishFor(tag, agent string) string {
	if len(tag) > 64 || strings.ContainsAny(tag, "/") {
		tag = ""
	}
	unique := rand.Text()[:10]
	if agent != "" {
		sum := sha256.Sum256([]byte(agent))
		unique = hex.EncodeToString(sum[:5])
	}
	if tag == "" {
		return unique
	}
	return tag + "." + unique
}
