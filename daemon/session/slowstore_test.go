// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

// slow is a database of which every change takes long.
type slow struct {
	*memory
	delay time.Duration
}

func (s *slow) wait(ctx context.Context) error {
	select {
	case <-time.After(s.delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) PutContact(ctx context.Context, t store.Token, c *store.Contact) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.memory.PutContact(ctx, t, c)
}

func (s *slow) Enqueue(ctx context.Context, t store.Token, w *store.Waiting, limit int) (bool, error) {
	if err := s.wait(ctx); err != nil {
		return false, err
	}
	return s.memory.Enqueue(ctx, t, w, limit)
}

func (s *slow) SetOnline(ctx context.Context, t store.Token, id int64, online bool) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.memory.SetOnline(ctx, t, id, online)
}

func onSlowStore(t *testing.T, delay time.Duration, f func(*world)) {
	inWorld(t, func(w *world) {
		w.user.Settings["stay_connected"] = "1"
		w.opts = func(o *session.Options) { o.Store = &slow{w.store, delay} }
	}, f)
}

// TestSlowStoreDelaysNoMessage: what is said meanwhile comes at once, and of
// many changes only the last is written.
func TestSlowStoreDelaysNoMessage(t *testing.T) {
	onSlowStore(t, 10*time.Second, func(w *world) {
		w.online("a")
		for _, alias := range []string{"one", "two", "three", "four"} {
			b := buddy("12345", stOnline)
			b.Alias = proto.String(alias)
			w.buddyChanged(b)
			w.wait(time.Second)
			w.front.take()
			w.backend(func(l *link) { l.says("12345", "", "about "+alias) })
			w.seesOf("message", `message 12345@gw/bot>romeo chat body="about `+alias+`"`)
		}
		w.wait(time.Minute)
		if n, c := state(w.store, func(m *memory) int { return m.writes }), w.store.contacts["12345"]; n > 3 || c.Nickname != "four" {
			t.Errorf("after %d writes he is called %q", n, c.Nickname)
		}
	})
}

// TestMessageThatIsBeingKeptIsDeliveredOnce: the user comes back before the
// database has it.
func TestMessageThatIsBeingKeptIsDeliveredOnce(t *testing.T) {
	onSlowStore(t, 10*time.Second, func(w *world) {
		w.online("a")
		w.wait(time.Minute)
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.front.take()
		for _, text := range []string{"first", "second"} {
			w.backend(func(l *link) { l.says("c", "", text) })
		}
		w.wait(time.Second)
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.seesOf("message", `message c@gw/bot>romeo chat body="first" delayed`, `message c@gw/bot>romeo chat body="second" delayed`)
		w.wait(time.Minute)
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.wait(time.Minute)
		w.seesOf("message")
		if n := state(w.store, func(m *memory) int { return len(m.queue) }); n != 0 {
			t.Errorf("%d messages are left in the database", n)
		}
	})
}

// TestStopWaitsForASlowStore: what was not written yet is, before the session
// has ended.
func TestStopWaitsForASlowStore(t *testing.T) {
	onSlowStore(t, 5*time.Second, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.backend(func(l *link) { l.says("c", "", "for later") })
		if err := w.s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := state(w.store, func(m *memory) int { return len(m.queue) }); n != 1 {
			t.Errorf("%d messages are kept", n)
		}
	})
}

// TestStopDoesNotWaitForAStoreThatIsAway, and says what is lost.
func TestStopDoesNotWaitForAStoreThatIsAway(t *testing.T) {
	onSlowStore(t, 0, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.store.setBroken(store.ErrUnavailable)
		w.backend(func(l *link) { l.says("c", "", "for later") })
		w.wait(time.Minute)
		begin := time.Now()
		if err := w.s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if log := w.log.String(); !strings.Contains(log, "messages=1") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}

// TestStoreThatIsAwayKeepsNobodyFromTalking, although something waits in it.
func TestStoreThatIsAwayKeepsNobodyFromTalking(t *testing.T) {
	onSlowStore(t, 0, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.backend(func(l *link) { l.says("c", "", "stored") })
		w.store.setBroken(store.ErrUnavailable)
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.wait(time.Minute)
		w.front.take()
		w.backend(func(l *link) { l.says("c", "", "new") })
		w.seesOf("message", `message c@gw/bot>romeo chat body="new"`)
		w.store.setBroken(nil)
		w.wait(time.Minute)
		w.seesOf("message", `message c@gw/bot>romeo chat body="stored" delayed`)
	})
}
