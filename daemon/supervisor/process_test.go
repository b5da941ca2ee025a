// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/supervisor"
)

func TestBackendOfOursSpeaksLevel1(t *testing.T) {
	w := newWorld(t, "echo")
	w.ready()
	u := w.acquire("romeo@example.org")
	w.talk(u)
	if u.link.Level() != 1 || u.link.Program() != "test 1.0" || !u.link.Features().Receipts {
		t.Errorf("link has level %d, program %q, features %+v", u.link.Level(), u.link.Program(), u.link.Features())
	}
	all := w.until("reported", func(all []supervisor.BackendStatus) bool { return len(all) == 1 && all[0].Stats.Reported })
	s := all[0]
	if s.ID != u.link.Backend() || s.PID == 0 || s.Users != 1 || s.UserNames[0] != u.name || s.State != "ready" || s.RSS == 0 || s.Stats.Res != 2000 {
		t.Errorf("status is %+v", s)
	}
	if f, said := w.m.Features(); !said || !f.Receipts {
		t.Errorf("features are %+v, said %v", f, said)
	}
}

func TestVersion1OverTCP(t *testing.T) {
	for _, mode := range []string{"v1", "v1-grandchild"} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, mode)
			u := w.acquire("romeo@example.org")
			if u.link.Level() != 0 {
				t.Errorf("level is %d", u.link.Level())
			}
			w.talk(u)
			m := u.message("x")
			m.MessageId = proto.String("id1")
			u.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m)
			f := u.expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
			if f.Message.(*pbnetwork.ConversationMessage).MessageId != nil {
				t.Error("a version 1 backend saw the extension's field")
			}
			if m.GetMessageId() != "id1" {
				t.Error("the sender's message was changed")
			}
			err := u.link.Send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_COMMAND, Message: &pbnetwork.Command{
				User: &u.name, Id: proto.String("1"), Name: proto.String("n"),
			}})
			if !errors.Is(err, supervisor.ErrLevel) {
				t.Errorf("COMMAND to a version 1 backend: %v", err)
			}
		})
	}
}

func TestCrashIsToldAndListedAndReplaced(t *testing.T) {
	w := newWorld(t, "crash")
	a, b := w.acquire("a@example.org"), w.acquire("b@example.org")
	number := a.link.Backend()
	a.login()
	for _, u := range []*user{a, b} {
		if err := u.expectLost(); !errors.Is(err, supervisor.ErrCrashed) || !strings.Contains(err.Error(), "signal: killed") {
			t.Errorf("%s: reason is %v", u.name, err)
		}
		if err := u.link.Send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: u.message("x")}); !errors.Is(err, supervisor.ErrGone) {
			t.Errorf("Send after the crash: %v", err)
		}
	}
	w.logged("backend is lost", "signal: killed", "fatal: out of luck")
	if c := w.m.Crashed(); len(c) != 1 || c[0] != "1" {
		t.Errorf("crashed are %v", c)
	}
	c := w.acquire("a@example.org")
	if c.link.Backend() <= number {
		t.Errorf("backend %d after %d", c.link.Backend(), number)
	}
}

func TestStoppedProcessIsHungAndShowsItsStack(t *testing.T) {
	w := newWorld(t, "echo")
	u := w.acquire("romeo@example.org")
	w.talk(u)
	pid := w.m.Backends()[0].PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := u.expectLost(); !errors.Is(err, supervisor.ErrHung) {
		t.Errorf("reason is %v", err)
	}
	w.logged("backend=1", "SIGABRT: abort")
	w.logged("backend=1", "runtime.goexit")
	if c := w.m.Crashed(); len(c) != 1 {
		w.logged("backend is lost")
		if c = w.m.Crashed(); len(c) != 1 {
			t.Errorf("crashed are %v", c)
		}
	}
}

func TestBackendThatNeverConnectsIsEnded(t *testing.T) {
	for _, mode := range []string{"never", "never-answers"} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, mode, func(_ *config.Config, _ *supervisor.Options, times *supervisor.Times) {
				times.Start, times.Retry = 200*time.Millisecond, time.Minute
				times.Ping = time.Minute
			})
			w.logged("backend did not start", "not ready within 200ms")
			if !strings.Contains(w.m.Problem(), "not ready within") {
				t.Errorf("problem is %q", w.m.Problem())
			}
		})
	}
}

func TestBrokenProtocolEndsTheConnection(t *testing.T) {
	for _, tt := range []struct{ mode, line string }{
		{"malformed", "no WrapperMessage"},
		{"oversize", "length 2147483647"},
		{"nobody", "whom it never had"},
		{"gap", "came after 1"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			w := newWorld(t, tt.mode)
			u := w.acquire("romeo@example.org")
			u.login()
			if err := u.expectLost(); !errors.Is(err, supervisor.ErrProtocol) {
				t.Errorf("reason is %v", err)
			}
			w.logged("backend is lost", tt.line)
			other := w.acquire("juliet@example.org")
			if other.link.Backend() == u.link.Backend() {
				t.Error("a broken backend is used again")
			}
		})
	}
}

func TestDuplicateFramesAreDropped(t *testing.T) {
	w := newWorld(t, "twice")
	u := w.acquire("romeo@example.org")
	u.login()
	u.expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
	u.expect(pbnetwork.WrapperMessage_TYPE_CONNECTED)
}

func TestWrongHelloIsTurnedAway(t *testing.T) {
	for _, tt := range []struct{ mode, line string }{
		{"wrong-token", "wrong token"},
		{"wrong-number", "wrong token"},
		{"no-hello", "TYPE_STATS came instead of HELLO"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			w := newWorld(t, tt.mode)
			w.logged("stranger is turned away", tt.line)
			w.logged("backend did not start")
		})
	}
}

func TestBabbleNeitherBlocksNorFloods(t *testing.T) {
	w := newWorld(t, "babble")
	u := w.acquire("romeo@example.org")
	w.talk(u)
	w.logged("lines of this backend's output were dropped")
	text, _ := w.log.state()
	if n := strings.Count(text, "level=WARN msg=short"); n < 1000 || n > 12000 {
		t.Errorf("%d of 20000 lines were logged", n)
	}
	for line := range strings.Lines(text) {
		if len(line) > 5<<10 {
			t.Fatalf("a line of %d bytes was logged", len(line))
		}
	}
}

func TestBackendThatDoesNotReadIsDropped(t *testing.T) {
	w := newWorld(t, "deaf")
	u := w.acquire("romeo@example.org")
	u.login()
	u.expect(pbnetwork.WrapperMessage_TYPE_CONNECTED)
	big := u.message(strings.Repeat("x", 500_000))
	var err error
	for err == nil {
		err = u.link.Send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: big})
	}
	if !errors.Is(err, supervisor.ErrGone) {
		t.Errorf("Send: %v", err)
	}
	if err := u.expectLost(); !errors.Is(err, supervisor.ErrHung) || !strings.Contains(err.Error(), "did not read") {
		t.Errorf("reason is %v", err)
	}
}

func TestQueryIsRefused(t *testing.T) {
	w := newWorld(t, "query")
	u := w.acquire("romeo@example.org")
	w.talk(u)
	w.logged("query: use spectrumctl")
}

func TestReleaseLogsOutAndLateFramesAreCounted(t *testing.T) {
	w := newWorld(t, "late")
	u, other := w.acquire("romeo@example.org"), w.acquire("juliet@example.org")
	w.talk(u)
	u.link.Release()
	w.logged("logout of romeo@example.org")
	w.until("counted", func(all []supervisor.BackendStatus) bool {
		return len(all) == 1 && all[0].Late == 1 && all[0].Users == 1
	})
	w.talk(other)
	if len(u.frames) != 0 || len(u.lost) != 0 {
		t.Error("a released user got something")
	}
}

func TestReceiverThatBlocksIsDroppedAlone(t *testing.T) {
	w := newWorld(t, "echo")
	stuck, fine := w.acquire("stuck@example.org"), w.acquire("fine@example.org")
	w.talk(stuck)
	stuck.frames = nil // blocks for ever from now on
	stuck.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, stuck.message("x"))
	w.talk(fine)
	if err := stuck.expectLost(); !errors.Is(err, supervisor.ErrStalled) {
		t.Errorf("reason is %v", err)
	}
	w.logged("logout of stuck@example.org")
}

func TestRoomListForEverybodyReachesLaterUsers(t *testing.T) {
	w := newWorld(t, "list")
	a := w.acquire("a@example.org")
	a.login()
	a.expect(pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
	a.expect(pbnetwork.WrapperMessage_TYPE_CONNECTED)
	b := w.acquire("b@example.org")
	b.login()
	b.expect(pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
	b.expect(pbnetwork.WrapperMessage_TYPE_CONNECTED)
	a.expect(pbnetwork.WrapperMessage_TYPE_ROOM_LIST)
}
