// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Limits of the process's life.
const (
	helloTimeout = 10 * time.Second
	// endWait is how long a session may take to log out.
	endWait = 10 * time.Second
	// flushWait is how long the last frames may take to be written.
	flushWait = 5 * time.Second
)

// notLoggedIn answers what comes for a user without a session.
const notLoggedIn = "you are not logged in to the network"

// What the process ends for beside the connection's own errors.
var (
	errExit   = errors.New("the main process said EXIT")
	errSignal = errors.New("the process was told to end")
)

// Serving is what Serve needs beside the connection.
type Serving struct {
	Config *config.Config
	Log    *slog.Logger
	// Hello is what the backend says first; nil speaks version 1.
	Hello *pbnetwork.Hello
}

// process is the running backend: its users and its connection.
type process struct {
	Serving
	network  Network
	wire     *wire
	initial  memory
	features pbnetwork.Features

	mu    sync.Mutex
	seats map[string]*seat
	all   sync.WaitGroup // one for each seat
}

// Serve speaks the backend protocol over conn, which it owns, until the main
// process says EXIT, the connection ends or ctx does. Every session is logged
// out in an orderly way then. The error is nil at an orderly end, which a
// closed connection is too.
func Serve(ctx context.Context, conn net.Conn, n Network, o Serving) error {
	defer conn.Close()
	p := &process{Serving: o, network: n, wire: newWire(conn), initial: readMemory(), seats: make(map[string]*seat)}
	if o.Hello != nil {
		if err := p.hello(); err != nil {
			return fmt.Errorf("say HELLO to the main process: %w", err)
		}
	}
	p.features = n.Describe().features()
	if err := p.announce(); err != nil {
		return err
	}
	written, read := make(chan struct{}), make(chan error, 1)
	go func() { defer close(written); p.wire.write() }()
	go func() { read <- p.read() }()

	reason, reading := p.wait(ctx, read)
	p.Log.Info("logging everybody out", "reason", reason)
	p.stop()
	p.flush(written)
	conn.Close()
	<-written
	if reading {
		<-read
	}
	return orderly(reason)
}

// hello negotiates the extension.
func (p *process) hello() error {
	theirs, err := p.wire.hello(p.Hello)
	if err != nil {
		return err
	}
	p.Log.Info("connected to the main process", "instance", theirs.GetInstance(), "protocol", p.wire.level)
	return nil
}

// announce says what the backend can.
func (p *process) announce() error {
	return p.wire.send(pbnetwork.Frame{
		Type:    pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG,
		Message: p.features.Config(p.wire.level > 0),
	})
}

// features are the description as BACKEND_CONFIG carries it.
func (d Description) features() pbnetwork.Features {
	f := d.Features
	if d.Search != nil {
		f.Search = &pbnetwork.SearchForm{Instructions: text(d.Search.Instructions), Field: d.Search.Fields}
	}
	for _, c := range d.Commands {
		f.Commands = append(f.Commands, &pbnetwork.CommandSpec{Name: &c.Name, Label: text(c.Label), Field: c.Fields})
	}
	return f
}

// wait returns why the process ends, and whether the reader still runs.
func (p *process) wait(ctx context.Context, read <-chan error) (reason error, reading bool) {
	select {
	case err := <-read:
		return err, false
	case <-p.wire.over:
		p.wire.mu.Lock()
		defer p.wire.mu.Unlock()
		return p.wire.err, true
	case <-ctx.Done():
		return errSignal, true
	}
}

// orderly is nil for an end that is nobody's fault: EXIT, or a connection that
// the main process closed, whoever noticed it first.
func orderly(reason error) error {
	for _, end := range []error{errExit, errSignal, io.EOF, io.ErrClosedPipe, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(reason, end) {
			return nil
		}
	}
	return fmt.Errorf("connection with the main process: %w", reason)
}

// stop ends every session and waits for their logouts, which are bounded.
func (p *process) stop() {
	p.mu.Lock()
	for _, s := range p.seats {
		s.end(errStop)
	}
	p.seats = nil // nobody logs in any more
	p.mu.Unlock()
	p.all.Wait()
}

// flush gives the last frames a moment.
func (p *process) flush(written <-chan struct{}) {
	p.wire.close()
	timer := time.NewTimer(flushWait)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// read takes frames over until the connection ends.
func (p *process) read() error {
	for {
		f, err := p.wire.read()
		if err == io.EOF {
			return fmt.Errorf("the main process closed the connection: %w", err)
		}
		if err != nil {
			return err
		}
		if f.Type == pbnetwork.WrapperMessage_TYPE_EXIT {
			return errExit
		}
		p.dispatch(f)
		p.wire.took(f.Seq)
	}
}

// dispatch never waits for a user.
func (p *process) dispatch(f pbnetwork.Frame) {
	switch m := f.Message.(type) {
	case *pbnetwork.Login:
		p.login(m)
	case *pbnetwork.Logout:
		p.logout(m)
	case *pbnetwork.StepAnswer:
		if s := p.seat(m.GetUser()); s != nil {
			s.user.answerStep(m)
		}
	default:
		if f.Type == pbnetwork.WrapperMessage_TYPE_PING {
			p.pong()
			return
		}
		p.call(f)
	}
}

func (p *process) seat(user string) *seat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seats[user]
}

// login gives the user a seat. A session that he has already ends first.
func (p *process) login(m *pbnetwork.Login) {
	user := m.GetUser()
	s := newSeat(user, p.wire, p.Config, p.Log)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seats == nil {
		return // the process ends
	}
	previous := p.seats[user]
	if previous != nil {
		previous.end(errReplaced)
	}
	p.seats[user] = s
	p.all.Go(func() {
		defer close(s.gone)
		err := s.live(p.network, loginOf(m), previous)
		p.leave(user, s, err)
	})
}

func loginOf(m *pbnetwork.Login) Login {
	return Login{
		User: m.GetUser(), LegacyName: m.GetLegacyName(), Password: m.GetPassword(),
		Extra: m.GetExtraFields(), Settings: m.GetSettings().GetValue(),
	}
}

// logout ends the user's session. A login that follows waits for it.
func (p *process) logout(m *pbnetwork.Logout) {
	s := p.seat(m.GetUser())
	switch {
	case s != nil:
		s.logOut(m.GetConfirm())
	case m.GetConfirm():
		p.confirm(m.GetUser())
	}
}
