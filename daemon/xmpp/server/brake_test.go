// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"net/netip"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp/server"
)

func TestTheBrakeGrowsIsBoundedAndForgives(t *testing.T) {
	b := server.NewBrake()
	now := time.Unix(1e9, 0)
	bad := netip.MustParseAddr("2001:db8:1:2::1")
	var waits []time.Duration
	for range 40 {
		wait, ok := b.Attempt(bad, now)
		if !ok {
			t.Fatal("an attempt in its turn was refused")
		}
		waits = append(waits, wait)
		now = now.Add(wait)
		b.Failed(bad, now)
		now = now.Add(40 * time.Second)
	}
	if waits[2] != 0 || waits[39] == 0 || waits[39] > 20*time.Second {
		t.Errorf("waits %v", waits)
	}
	b.Failed(bad, now)
	neighbour := netip.MustParseAddr("2001:db8:1:2:ffff::9")
	if _, ok := b.Attempt(neighbour, now); ok {
		t.Error("another address of the same network may guess at once")
	}
	for _, other := range []string{"2001:db8:1:3::1", "192.0.2.1"} {
		if wait, ok := b.Attempt(netip.MustParseAddr(other), now); wait != 0 || !ok {
			t.Errorf("%s waits %v", other, wait)
		}
	}
	if wait, ok := b.Attempt(bad, now.Add(24*time.Hour)); wait != 0 || !ok {
		t.Errorf("a day later it waits %v", wait)
	}
}

func TestAttemptsAtOnceTakeTurns(t *testing.T) {
	b := server.NewBrake()
	now := time.Unix(1e9, 0)
	bad := netip.MustParseAddr("::ffff:192.0.2.7")
	for range 4 {
		b.Failed(bad, now)
	}
	last := time.Duration(-1)
	refused := 0
	for range 50 {
		wait, ok := b.Attempt(bad.Unmap(), now)
		switch {
		case !ok:
			refused++
		case wait <= last:
			t.Errorf("%v after %v", wait, last)
		default:
			last = wait
		}
	}
	if refused < 30 {
		t.Errorf("only %d of 50 refused", refused)
	}
}
