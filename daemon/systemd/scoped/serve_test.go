// SPDX-License-Identifier: GPL-2.0-or-later

package scoped_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/daemon/systemd/bustest"
	"spectrum.im/spectrum2/daemon/systemd/scoped"
)

// serve runs a broker for this test's own process on a bus of its own.
func serve(t *testing.T, idle time.Duration) (*fakeManager, <-chan error) {
	t.Helper()
	bustest.Start(t)
	me := scoped.Process{PID: os.Getpid(), UID: os.Getuid()}
	m := &fakeManager{units: map[int]string{me.PID: "spectrum2@irc.service"}}
	log := slog.New(slog.DiscardHandler)
	s := &scoped.Server{Idle: idle, Log: log, Notify: systemd.NewNotifier(),
		Broker: &scoped.Broker{UID: me.UID, Bus: fakeBus{caller: me}, Manager: m, Log: log}}
	conn := bustest.Connect(t, dbus.WithIncomingInterceptor(s.Incoming))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, conn) }()
	t.Cleanup(cancel)
	waitForName(t)
	return m, done
}

// waitForName returns when the broker has its name.
func waitForName(t *testing.T) {
	t.Helper()
	c := bustest.Connect(t)
	if err := c.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"),
		dbus.WithMatchArg(0, systemd.BrokerName)); err != nil {
		t.Fatal(err)
	}
	changed := make(chan *dbus.Signal, 16)
	c.Signal(changed)
	var owned bool
	if err := c.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, systemd.BrokerName).Store(&owned); err != nil {
		t.Fatal(err)
	}
	if !owned {
		<-changed
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestStubAndBrokerUnderstandEachOther(t *testing.T) {
	m, _ := serve(t, time.Minute)
	limits, err := systemd.ParseLimits(map[string]string{"memory_max": "100M", "tasks_max": "50%"})
	if err != nil {
		t.Fatal(err)
	}
	if err := systemd.EnterScope(soon(t), "irc", 4, limits); err != nil {
		t.Fatal(err)
	}
	made := m.made()
	if len(made) != 1 || made[0].PID != os.Getpid() || made[0].Number != 4 || len(made[0].Limits) != 2 {
		t.Errorf("made %+v", made)
	}
	// It is in its scope now, so it does not get another one.
	err = systemd.EnterScope(soon(t), "irc", 5, nil)
	if err == nil || !strings.Contains(err.Error(), "belongs to spectrum2-irc-backend-4.scope") {
		t.Errorf("second scope: %v", err)
	}
}

func TestBrokerEndsWhenNobodyAsks(t *testing.T) {
	_, done := serve(t, 10*time.Millisecond)
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
	if err := systemd.EnterScope(soon(t), "irc", 1, nil); err == nil || !strings.Contains(err.Error(), systemd.BrokerName) {
		t.Errorf("after the end: %v", err)
	}
}

func TestBrokerEndsWhenStrangersFloodItWithDescriptors(t *testing.T) {
	_, done := serve(t, time.Minute)
	c := bustest.Connect(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for range 100 {
		c.Object(systemd.BrokerName, systemd.BrokerPath).Go(systemd.BrokerInterface+"."+systemd.BrokerMethod,
			dbus.FlagNoReplyExpected, nil, dbus.UnixFD(null.Fd()))
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("ended with %v", err)
	}
}

func TestCallsDoNotUseTheDescriptorsUp(t *testing.T) {
	_, done := serve(t, time.Minute)
	for range 200 {
		if err := systemd.EnterScope(soon(t), "no-such", 1, nil); err == nil {
			t.Fatal("a bad name was taken")
		}
	}
	select {
	case err := <-done:
		t.Errorf("ended with %v", err)
	default:
	}
}

func TestOnlyOneBrokerHasTheName(t *testing.T) {
	serve(t, time.Minute)
	s := &scoped.Server{Idle: time.Minute, Log: slog.New(slog.DiscardHandler), Notify: systemd.NewNotifier()}
	if err := s.Serve(soon(t), bustest.Connect(t)); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("second broker: %v", err)
	}
}
