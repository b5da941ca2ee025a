// SPDX-License-Identifier: GPL-2.0-or-later

// Package backendtest is what a backend is tested with: a fake main process
// (Main), which a backend's own tests drive, and Run, the suite that every
// backend has to pass. It knows no network.
package backendtest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Options of Start. The zero value speaks version 1.
type Options struct {
	// Level is 0 for version 1, or the level of the extension.
	Level int
	// Config is what the network's users see; nil means an empty one.
	Config *config.Config
	// Log receives the backend's log; nil means the test's own output.
	Log io.Writer
	// Timeout is how long Expect waits, 10 s if zero; the fake clock counts in
	// a testing/synctest bubble.
	Timeout time.Duration
	// NoAck: acknowledge nothing, as a main process that hangs.
	NoAck bool
}

// Main is a fake main process with one backend. It numbers, acknowledges and
// checks numbers as a real one does. Its methods fail the test themselves; they
// are for one goroutine, the test's.
type Main struct {
	// Hello is what the backend opened the extension with, nil in version 1.
	Hello *pbnetwork.Hello

	t       testing.TB
	timeout time.Duration
	level   int
	conn    net.Conn
	ended   <-chan error // how Serve, or the program, ended

	out      chan []byte
	stopping chan struct{}
	stop     sync.Once
	workers  sync.WaitGroup

	mu       sync.Mutex
	seq      uint64
	received uint64
	acked    uint64
	noAck    bool
	waiting  []pbnetwork.Frame
	err      error // how reading ended
	news     chan struct{}
	ids      int
}

// Start runs n against a fake main process, both in the test's own process. The
// test's cleanup ends both.
func Start(t testing.TB, n backend.Network, o Options) *Main {
	t.Helper()
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	serving := backend.Serving{Config: o.Config, Log: slog.New(slog.NewTextHandler(logOf(t, o), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if serving.Config == nil {
		serving.Config = new(config.Config)
	}
	if o.Level > 0 {
		d, id := n.Describe(), int32(1)
		program, level := d.Program+" "+d.Version, int32(o.Level)
		serving.Hello = &pbnetwork.Hello{Level: &level, BackendId: &id, Program: &program}
	}
	go func() { ended <- backend.Serve(context.Background(), theirs, n, serving) }()
	return Attach(t, ours, ended, o)
}

func logOf(t testing.TB, o Options) io.Writer {
	if o.Log != nil {
		return o.Log
	}
	return t.Output()
}

// Attach is a fake main process for a backend at the other end of conn. ended
// gets one value when that backend has ended. With a level in o, the backend's
// HELLO is awaited and answered.
func Attach(t testing.TB, conn net.Conn, ended <-chan error, o Options) *Main {
	t.Helper()
	m := &Main{
		t: t, timeout: o.Timeout, conn: conn, ended: ended, noAck: o.NoAck,
		out: make(chan []byte), stopping: make(chan struct{}), news: make(chan struct{}, 1),
	}
	if m.timeout == 0 {
		m.timeout = 10 * time.Second
	}
	m.workers.Go(m.write)
	m.workers.Go(m.read)
	t.Cleanup(m.close)
	if o.Level > 0 {
		m.hello(o.Level)
	}
	return m
}

// hello answers the backend's HELLO.
func (m *Main) hello(level int) {
	m.t.Helper()
	m.Hello = Get[*pbnetwork.Hello](m, pbnetwork.WrapperMessage_TYPE_HELLO)
	theirs := int(m.Hello.GetLevel())
	if theirs < 1 {
		m.t.Fatalf("HELLO with level %d", theirs)
	}
	m.mu.Lock()
	m.level = min(level, theirs) // before the answer: after it, frames are numbered
	m.mu.Unlock()
	l, instance := int32(level), "test"
	m.Send(pbnetwork.WrapperMessage_TYPE_HELLO, &pbnetwork.Hello{Level: &l, Instance: &instance})
}

// Level is what was negotiated, 0 for version 1.
func (m *Main) Level() int { return m.level }

// close ends the connection and waits for the backend.
func (m *Main) close() {
	m.stop.Do(func() { close(m.stopping) })
	m.conn.Close()
	m.workers.Wait()
	select {
	case <-m.ended:
	case <-time.After(30 * time.Second):
		m.t.Error("the backend did not end when its connection did")
	}
}

// Exit says EXIT, waits for the backend's end and returns its error.
func (m *Main) Exit() error {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_EXIT, nil)
	return m.Ended()
}

// Hangup closes the connection without a word, waits for the backend's end and
// returns its error.
func (m *Main) Hangup() error {
	m.t.Helper()
	m.stop.Do(func() { close(m.stopping) })
	m.conn.Close()
	return m.Ended()
}

// Ended waits for the backend's end and returns its error.
func (m *Main) Ended() error {
	m.t.Helper()
	select {
	case err := <-m.ended:
		done := make(chan error, 1)
		done <- err
		m.ended = done // for close
		return err
	case <-time.After(30 * time.Second):
		m.t.Fatal("the backend did not end")
		return errors.New("unreachable")
	}
}

// Send sends a message of type t; nil for the types without one.
func (m *Main) Send(t pbnetwork.Type, message proto.Message) {
	m.t.Helper()
	m.SendFrame(pbnetwork.Frame{Type: t, Message: message})
}

// SendFrame sends f, numbered as the level asks unless it carries a number.
func (m *Main) SendFrame(f pbnetwork.Frame) {
	m.t.Helper()
	m.mu.Lock()
	if m.level > 0 && f.Seq == 0 && pbnetwork.Numbered(f.Type) {
		m.seq++
		f.Seq = m.seq
	}
	m.mu.Unlock()
	b, err := pbnetwork.Append(nil, f)
	if err != nil {
		m.t.Fatalf("send %s: %v", f.Type, err)
	}
	m.SendBytes(b)
}

// SendBytes sends b as it is: a malformed frame, half a frame.
func (m *Main) SendBytes(b []byte) {
	m.t.Helper()
	select {
	case m.out <- b:
	case <-m.stopping:
	case <-time.After(m.timeout):
		m.t.Fatal("the backend does not read")
	}
}

func (m *Main) write() {
	for {
		select {
		case b := <-m.out:
			if _, err := m.conn.Write(b); err != nil {
				return // the reader meets it too
			}
		case <-m.stopping:
			return
		}
	}
}
