// SPDX-License-Identifier: GPL-2.0-or-later

package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/control/controltest"
)

func TestClientsAreListedUntilTheyAreEnded(t *testing.T) {
	i := &controltest.Instance{State: api.Status{Mode: api.ModeServer, Listeners: []string{"[::]:5222 starttls"},
		Certificate: &api.Certificate{Fingerprint: "AB:CD", SelfSigned: true}}}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const n = api.MaxPage + 2
	for k := range n {
		i.Connect(api.Session{JID: fmt.Sprintf("me%d@msn.example.org/phone", k), Resource: "phone", Client: "Gajim", Version: "2.0",
			Address: "192.0.2.1:4711", Transport: api.TransportTLS, TLS: "TLS 1.3", Since: since})
	}
	i.Connect(api.Session{JID: "me1@msn.example.org/desk", Detached: true})
	c := client(t, serve(t, control.Options{}, i))
	ctx := t.Context()
	list, err := c.Sessions(ctx)
	if err != nil || len(list) != n+1 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	want := api.Session{JID: "me0@msn.example.org/phone", Resource: "phone", Client: "Gajim", Version: "2.0",
		Address: "192.0.2.1:4711", Transport: "tls", TLS: "TLS 1.3", Since: since}
	if list[0] != want {
		t.Errorf("the first is %+v", list[0])
	}
	s, err := c.Status(ctx)
	if err != nil || s.Certificate == nil || s.Certificate.Fingerprint != "AB:CD" || !s.Certificate.SelfSigned || len(s.Listeners) != 1 {
		t.Errorf("Status = %+v, %v", s, err)
	}
	for jid, count := range map[string]int{"me1@msn.example.org": 2, "me2@msn.example.org/phone": 1} {
		if got, err := c.EndSession(ctx, jid); got != count || err != nil {
			t.Errorf("%s: ended %d, %v", jid, got, err)
		}
		if _, err := c.EndSession(ctx, jid); !errors.Is(err, api.ErrNotFound) || !strings.Contains(err.Error(), jid) {
			t.Errorf("%s again: %v", jid, err)
		}
	}
	if list, err = c.Sessions(ctx); err != nil || len(list) != n-2 {
		t.Errorf("%d are left, %v", len(list), err)
	}
	if _, err := c.EndSession(ctx, ""); err == nil || errors.Is(err, api.ErrNotFound) {
		t.Errorf("nobody's connection: %v", err)
	}
}

// noServer is an instance without client connections of its own.
type noServer struct{ control.Instance }

func TestAGatewayHasNoClients(t *testing.T) {
	for _, i := range []control.Instance{
		&controltest.Instance{State: api.Status{Mode: api.ModeGateway}},
		noServer{&controltest.Instance{State: api.Status{Mode: api.ModeServer}}},
	} {
		c := client(t, serve(t, control.Options{}, i))
		if _, err := c.Sessions(t.Context()); !errors.Is(err, api.ErrNotFound) || !strings.Contains(err.Error(), "gateway mode") {
			t.Errorf("Sessions: %v", err)
		}
		if _, err := c.EndSession(t.Context(), "a@b"); !errors.Is(err, api.ErrNotFound) || !strings.Contains(err.Error(), "gateway mode") {
			t.Errorf("EndSession: %v", err)
		}
	}
}
