// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func away(m *backendtest.Main, frames int) {
	user, status := romeo, pbnetwork.StatusType_STATUS_AWAY
	for range frames {
		m.Send(pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED, &pbnetwork.Status{UserName: &user, Status: &status})
	}
}

func TestAcknowledgesAfter64FramesOrASecond(t *testing.T) {
	at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "") // the first frame; its ACK rides on CONNECTED
		synctest.Wait()
		base := m.Acknowledged()
		away(m, 63)
		synctest.Wait()
		if got := m.Acknowledged() - base; got != 0 {
			t.Errorf("after 63 frames %d are acknowledged at once", got)
		}
		away(m, 1)
		synctest.Wait()
		if got := m.Acknowledged() - base; got != 64 {
			t.Errorf("after 64 frames %d are acknowledged", got)
		}
		away(m, 1)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if got := m.Acknowledged() - base; got != 64 {
			t.Errorf("before a second has passed %d are acknowledged", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := m.Acknowledged() - base; got != 65 {
			t.Errorf("after a second %d are acknowledged", got)
		}
	})
}

func TestAnswersCarryTheAcknowledgement(t *testing.T) {
	at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
		m.MustLogin(romeo, "romeo", "")
		m.Result(m.Message(romeo, "nurse", "hello"))
		if got := m.Acknowledged(); got != 2 {
			t.Errorf("the result of frame 2 acknowledges %d", got)
		}
	})
}

// flood sends 1 MiB at a time until it is told to stop.
func flood() *fake {
	return &fake{run: func(ctx context.Context, s *session) error {
		big := strings.Repeat("x", 1000_000)
		for ctx.Err() == nil {
			s.User.Message(backend.Incoming{From: "nurse", Text: big})
			synctestYield()
		}
		return nil
	}}
}

// synctestYield lets other goroutines of the bubble run.
func synctestYield() { time.Sleep(time.Millisecond) }

func TestAMainProcessThatAcknowledgesNothingIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := backendtest.Start(t, flood(), backendtest.Options{Level: 1, NoAck: true, Log: io.Discard})
		m.Login(romeo, "romeo", "")
		if err := m.Ended(); err == nil || !strings.Contains(err.Error(), "does not take what it is sent") {
			t.Errorf("the backend ended with %v", err)
		}
	})
}

func TestAMainProcessThatAcknowledgesGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := backendtest.Start(t, flood(), backendtest.Options{Level: 1, Log: io.Discard})
		m.Login(romeo, "romeo", "")
		for range 100 { // three times what may wait
			m.Incoming(romeo, "nurse")
		}
		if err := m.Exit(); err != nil {
			t.Error(err)
		}
	})
}

// A main process that does not even read is given up after the writer's
// deadline, however little there is to write.
func TestAMainProcessThatDoesNotReadIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, theirs := net.Pipe()
		begin := time.Now()
		err := backend.Serve(t.Context(), theirs, plain(), backend.Serving{Config: new(config.Config), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("the backend ended with %v", err)
		}
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAMainProcessThatDoesNotAnswerHelloIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		defer ours.Close()
		level := int32(1)
		err := backend.Serve(t.Context(), theirs, plain(), backend.Serving{
			Config: new(config.Config), Log: slog.New(slog.DiscardHandler), Hello: &pbnetwork.Hello{Level: &level},
		})
		if err == nil || !strings.Contains(err.Error(), "HELLO") {
			t.Errorf("the backend ended with %v", err)
		}
	})
}

func TestBrokenNumbersEndTheConnection(t *testing.T) {
	user, status, acked := romeo, pbnetwork.StatusType_STATUS_AWAY, uint64(1000)
	for name, f := range map[string]pbnetwork.Frame{
		"a gap": {Type: pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED, Seq: 40,
			Message: &pbnetwork.Status{UserName: &user, Status: &status}},
		"an acknowledgement of what was never sent": {Type: pbnetwork.WrapperMessage_TYPE_ACK,
			Message: &pbnetwork.Ack{Seq: &acked}},
	} {
		at(t, 1, plain(), func(t *testing.T, m *backendtest.Main, _ *fake, _ *logged) {
			m.MustLogin(romeo, "romeo", "")
			m.SendFrame(f)
			if err := m.Ended(); !errors.Is(err, pbnetwork.ErrMalformed) {
				t.Errorf("%s: the backend ended with %v", name, err)
			}
		})
	}
}

func TestASignalLogsEverybodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		n, ended := slowLogout(time.Second)(), make(chan error, 1)
		go func() {
			ended <- backend.Serve(ctx, theirs, n, backend.Serving{Config: new(config.Config), Log: slog.New(slog.DiscardHandler)})
		}()
		m := backendtest.Attach(t, ours, ended, backendtest.Options{})
		m.MustLogin(romeo, "romeo", "")
		stop()
		if err := m.Ended(); err != nil {
			t.Error(err)
		}
		n.wantNotes(t, "new romeo", "out romeo")
	})
}

// Whatever a main process sends, the backend answers or ends; it neither
// panics nor hangs.
func FuzzServe(f *testing.F) {
	user, to, text := romeo, "nurse", "hello"
	var b []byte
	for _, x := range []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_PING},
		{Type: pbnetwork.WrapperMessage_TYPE_LOGIN, Message: &pbnetwork.Login{User: &user, LegacyName: &to, Password: &to}},
		{Type: pbnetwork.WrapperMessage_TYPE_JOIN_ROOM, Message: &pbnetwork.Room{UserName: &user, Room: &to, Nickname: &to}},
		{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: &pbnetwork.ConversationMessage{UserName: &user, BuddyName: &to, Message: &text}},
		{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: []byte("<message from='romeo@xmpp.example/x'/>")},
		{Type: pbnetwork.WrapperMessage_TYPE_LOGOUT, Message: &pbnetwork.Logout{User: &user, LegacyName: &to}},
		{Type: pbnetwork.WrapperMessage_TYPE_EXIT},
	} {
		var err error
		if b, err = pbnetwork.Append(b, x); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		go func() {
			_, _ = ours.Write(b)
			ours.Close()
		}()
		_ = backend.Serve(t.Context(), theirs, plain(), backend.Serving{Config: new(config.Config), Log: slog.New(slog.DiscardHandler)})
	})
}
