// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/supervisor"
)

type (
	cfgT   = *config.Config
	optT   = *supervisor.Options
	timesT = *supervisor.Times
)

func TestManyUsersShareBackends(t *testing.T) {
	w := newWorld(t, "echo", func(c cfgT, _ optT, times timesT) {
		c.Service.UsersPerBackend = 100
		times.Ping = 5 * time.Second
	})
	users := make([]*user, 250)
	var wg sync.WaitGroup
	for i := range users {
		u := newUser(t, fmt.Sprintf("user%d@example.org", i))
		users[i] = u
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			link, err := w.m.Acquire(ctx, u.name, u)
			if err != nil {
				t.Errorf("Acquire of %s: %v", u.name, err)
				return
			}
			u.link = link
			for range 20 {
				if err := link.Send(ctx, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: u.message("x")}); err != nil {
					t.Errorf("Send of %s: %v", u.name, err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, u := range users {
		for range 20 {
			u.expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
		}
	}
	all := w.m.Backends()
	if len(all) != 3 {
		t.Errorf("250 users are on %d backends", len(all))
	}
	total := 0
	for _, b := range all {
		total += b.Users
		if b.Users > 100 {
			t.Errorf("backend %d has %d users", b.ID, b.Users)
		}
	}
	if total != 250 {
		t.Errorf("%d users are on backends", total)
	}
	for _, u := range users {
		u.link.Release()
	}
	w.until("down to one spare", func(all []supervisor.BackendStatus) bool { return len(all) == 1 && all[0].Users == 0 })
}

func TestBackendOfOneUserEndsWithHim(t *testing.T) {
	w := newWorld(t, "echo", func(c cfgT, _ optT, _ timesT) { c.Service.UsersPerBackend = 1 })
	a, b := w.acquire("a@example.org"), w.acquire("b@example.org")
	if a.link.Backend() == b.link.Backend() {
		t.Fatal("two users share a backend")
	}
	w.talk(a)
	w.talk(b)
	// Backends that start at once get ready in any order: the spare may be the
	// first of them.
	w.until("two and a spare", func(all []supervisor.BackendStatus) bool { return len(all) == 3 && spares(all) == 1 })
	a.link.Release()
	w.until("one and a spare", func(all []supervisor.BackendStatus) bool {
		return len(all) == 2 && spares(all) == 1 && all[0].Users+all[1].Users == 1
	})
	w.talk(b)
}

// spares counts the ready backends without users.
func spares(all []supervisor.BackendStatus) int {
	n := 0
	for _, b := range all {
		if b.State == "ready" && b.Users == 0 {
			n++
		}
	}
	return n
}

func TestQueueIsInOrderAndCanBeLeft(t *testing.T) {
	w := newWorld(t, "never-answers", func(c cfgT, _ optT, times timesT) {
		c.Service.UsersPerBackend = 1
		times.Ping, times.Start = time.Minute, time.Minute
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := w.m.Acquire(ctx, "gone@example.org", newUser(t, ""))
		left <- err
	}()
	w.until("one waits", func([]supervisor.BackendStatus) bool { return w.m.Waiting() == 1 })
	if _, err := w.m.Acquire(t.Context(), "gone@example.org", newUser(t, "")); !errors.Is(err, supervisor.ErrAcquired) {
		t.Errorf("a second place in the queue: %v", err)
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire: %v", err)
	}
	if n := w.m.Waiting(); n != 0 {
		t.Errorf("%d are still waiting", n)
	}
	stopped := make(chan error, 1)
	go func() {
		_, err := w.m.Acquire(t.Context(), "late@example.org", newUser(t, ""))
		stopped <- err
	}()
	w.until("one waits", func([]supervisor.BackendStatus) bool { return w.m.Waiting() == 1 })
	w.m.Stop(t.Context(), false)
	if err := <-stopped; !errors.Is(err, supervisor.ErrStopped) {
		t.Errorf("Acquire when stopped: %v", err)
	}
	if _, err := w.m.Acquire(t.Context(), "late@example.org", newUser(t, "")); !errors.Is(err, supervisor.ErrStopped) {
		t.Errorf("Acquire after Stop: %v", err)
	}
}

func TestStopEndsBackendsInOrder(t *testing.T) {
	w := newWorld(t, "echo")
	u := w.acquire("romeo@example.org")
	w.talk(u)
	start := time.Now()
	w.m.Stop(t.Context(), false)
	if took := time.Since(start); took > quick.Exit {
		t.Errorf("Stop took %v: EXIT was not enough", took)
	}
	if err := u.expectLost(); !errors.Is(err, supervisor.ErrStopped) {
		t.Errorf("reason is %v", err)
	}
	if len(w.m.Backends()) != 0 || len(w.m.Crashed()) != 0 {
		t.Errorf("left: %v, crashed: %v", w.m.Backends(), w.m.Crashed())
	}
}

func TestStubbornBackendIsKilled(t *testing.T) {
	w := newWorld(t, "stubborn")
	w.ready()
	pid := w.m.Backends()[0].PID
	w.m.Stop(t.Context(), false)
	w.logged("backend is killed")
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("it is still there")
	}
}

func TestStopWithoutPatienceKillsAtOnce(t *testing.T) {
	w := newWorld(t, "stubborn", func(_ cfgT, _ optT, times timesT) { times.Exit, times.Term = time.Minute, time.Minute })
	w.ready()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.m.Stop(ctx, false)
	if n := len(w.m.Backends()); n != 0 {
		t.Errorf("%d backends are left", n)
	}
}

func TestStopForARestartLeavesTheProcesses(t *testing.T) {
	w := newWorld(t, "stubborn") // does not end with its connection
	u := w.acquire("romeo@example.org")
	pid := w.m.Backends()[0].PID
	defer syscall.Kill(pid, syscall.SIGKILL)
	w.m.Stop(t.Context(), true)
	if err := u.expectLost(); !errors.Is(err, supervisor.ErrStopped) {
		t.Errorf("reason is %v", err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the process is gone: %v", err)
	}
}

func TestChangedConfigurationDrainsBackends(t *testing.T) {
	w := newWorld(t, "echo")
	old := w.acquire("old@example.org")
	w.talk(old)
	w.reload(func(c *config.Config) { c.Service.IRCAwayTimeout = 99 * time.Second })
	w.until("drained", func(all []supervisor.BackendStatus) bool {
		return len(all) == 2 && all[0].Draining && all[0].State == "draining" && all[1].State == "ready"
	})
	fresh := w.acquire("new@example.org")
	if fresh.link.Backend() == old.link.Backend() {
		t.Error("a new user comes to a drained backend")
	}
	w.talk(fresh)
	old.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, old.message("still here"))
	old.expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
	w.reload(func(c *config.Config) { c.Service.UsersPerBackend = 50 }) // no business of a backend's
	old.link.Release()
	w.until("one backend", func(all []supervisor.BackendStatus) bool {
		return len(all) == 1 && all[0].ID == fresh.link.Backend() && !all[0].Draining
	})
}
