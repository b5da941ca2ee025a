// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"errors"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sasl2"
)

// maxTries is how many logins one stream may try (RFC 6120 §6.4.5).
const maxTries = 3

// profile is which of the two profiles of SASL a login uses.
type profile int

const (
	noProfile   profile = iota
	classicSASL         // RFC 6120 §6
	extensible          // XEP-0388
)

func (p profile) failure(condition, text string) *xmpp.Element {
	if p == extensible {
		return sasl2.Failure(condition, text)
	}
	f := xmpp.New(nsSASL, "failure").Add(xmpp.New(nsSASL, condition))
	if text != "" {
		f.Add(xmpp.NewText(nsSASL, "text", text).SetLang("en"))
	}
	return f
}

func (p profile) challenge() *xmpp.Element {
	if p == extensible {
		return sasl2.Challenge()
	}
	return xmpp.New(nsSASL, "challenge")
}

// sasl takes an element of either profile.
func (t *stream) sasl(ctx context.Context, e *xmpp.Element) error {
	p := classicSASL
	if e.Space == nsSASL2 {
		p = extensible
	}
	switch {
	case t.account != nil:
		return &xmpp.StreamError{Condition: xmpp.UnsupportedStanza, Text: "authenticated already"}
	case t.tls == "":
		t.neg.profile = noProfile
		return t.fail(p, EncryptionRequired, "")
	case p == classicSASL && e.Name == "auth":
		t.neg.profile, t.neg.auth = p, nil
		return t.begin(ctx, e, e.Text(), e.Text() != "")
	case p == extensible && e.Name == "authenticate":
		t.neg.profile, t.neg.auth = p, e
		initial := e.Child(nsSASL2, "initial-response")
		return t.begin(ctx, e, initial.Text(), initial != nil)
	case e.Name == "response" && t.neg.profile == p:
		return t.credentials(ctx, e.Text())
	case e.Name == "abort":
		t.neg.profile = noProfile
		return t.fail(p, Aborted, "")
	}
	t.neg.profile = noProfile
	return t.fail(p, MalformedRequest, "")
}

func (t *stream) begin(ctx context.Context, e *xmpp.Element, initial string, has bool) error {
	switch {
	case e.Get("mechanism") != plain:
		p := t.neg.profile
		t.neg.profile = noProfile
		return t.fail(p, InvalidMechanism, "")
	case !has:
		return t.say(t.neg.profile.challenge())
	}
	return t.credentials(ctx, initial)
}

// credentials tries the login for which everything is there now.
func (t *stream) credentials(ctx context.Context, text string) error {
	p := t.neg.profile
	t.neg.profile = noProfile
	cred, condition := parsePlain(text)
	if condition != "" {
		return t.fail(p, condition, "")
	}
	return t.during(ctx, func(ctx context.Context) error { return t.login(ctx, p, cred) })
}

// fail refuses a login; the client may try again a few times.
func (t *stream) fail(p profile, condition, text string) error {
	t.s.refuse.log("login refused", "addr", t.link.addr, "via", t.kind, "reason", strings.TrimSpace(condition+" "+text))
	if err := t.say(p.failure(condition, text)); err != nil {
		return err
	}
	if t.neg.tries++; t.neg.tries >= maxTries {
		return &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: "too many failed logins"}
	}
	return nil
}

// during runs f, which may take long, and ends its context when the client goes
// away meanwhile. Where f ends the stream it is the one who says so.
func (t *stream) during(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := t.guarded(func() error { return f(ctx) })
		if err != nil && t.conn == nil {
			t.farewell(err)
		}
		done <- err
	}()
	gone := t.wire.wait()
	if gone != nil {
		cancel()
	}
	err := <-done
	if t.neg.trusted {
		t.neg.trusted = false
		t.wire.limit(t.s.limits.Load().Stream)
		if t.neg.header {
			t.wire.restart()
		}
	}
	switch {
	case t.conn != nil:
		return nil
	case gone != nil && (err == nil || errors.Is(err, context.Canceled)):
		return gone
	}
	return err
}
