// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// outcome is how a backend's life ended.
type outcome struct {
	// err says why, wrapping one of the package's reasons.
	err error
	// asked: it was told to end.
	asked bool
	// detail is for the log: the last line it wrote.
	detail string
	// permanent: starting it again will not help before somebody acts.
	permanent bool
}

// errLeft ends a life without ending the process: the main process is
// restarted.
var errLeft = fmt.Errorf("%w: the main process is restarted", ErrStopped)

// run starts the process and returns when it and the connection are gone.
func (b *backend) run() outcome {
	p, err := b.m.launch.launch(b)
	b.m.launched(b, p)
	if err != nil {
		return outcome{err: fmt.Errorf("start backend %d: %w", b.number, err), permanent: errors.Is(err, errPermanent)}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	o := b.watch(ctx, p)
	if !o.asked && wait(b.ending, 0) {
		o = outcome{err: b.m.reasonOf(b), asked: true} // it was quicker than EXIT
	}
	if o.asked {
		b.m.lose(b, o.err)
	}
	if o.asked && !errors.Is(o.err, errLeft) {
		b.dismiss(p)
	}
	cancel(o.err)
	if b.conn != nil {
		<-b.conn.done
	}
	b.m.lose(b, o.err)
	b.turnAway()
	if errors.Is(o.err, errLeft) {
		p.Leave()
	} else {
		b.bury(p, o)
	}
	return o
}

// watch waits for the end of the backend's useful life.
func (b *backend) watch(ctx context.Context, p process) outcome {
	start := time.NewTimer(b.m.t.start)
	defer start.Stop()
	late, ready := start.C, b.ready
	var done <-chan struct{}
	for {
		select {
		case b.conn = <-b.conns:
			done = b.conn.done
			go b.conn.run(ctx)
		case <-ready:
			late, ready = nil, nil
		case <-done:
			b.m.shut(b)
			return b.disconnected(p)
		case <-p.Exited():
			b.m.shut(b)
			if done != nil { // what it sent before is still to be read
				wait(done, b.m.t.last)
			}
			return b.exited(p)
		case <-late:
			return outcome{err: fmt.Errorf("backend %d %w: not ready within %v of its start", b.number, ErrHung, b.m.t.start), detail: p.LastLine()}
		case <-b.ending:
			return outcome{err: b.m.reasonOf(b), asked: true}
		case <-b.leaving:
			return outcome{err: backendError(b.number, errLeft), asked: true}
		}
	}
}

// disconnected makes the outcome of the connection's end. When the peer closed
// it, the process has a moment to end too: its status tells why.
func (b *backend) disconnected(p process) outcome {
	err := b.conn.err
	if errors.Is(err, ErrProtocol) || errors.Is(err, ErrHung) {
		return outcome{err: backendError(b.number, err)}
	}
	if wait(p.Exited(), b.m.t.last) {
		return b.exited(p)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed its connection")
	}
	return outcome{err: fmt.Errorf("backend %d %w: %v", b.number, ErrExited, err)}
}

// exited makes the outcome of a process that ended by itself.
func (b *backend) exited(p process) outcome {
	o := outcome{err: backendError(b.number, ErrExited), detail: p.LastLine()}
	if err := p.Status(); err != nil {
		o.err = fmt.Errorf("backend %d %w: %w", b.number, ErrCrashed, err)
	}
	return o
}

// turnAway closes a connection that came when it was too late. None comes after
// lose.
func (b *backend) turnAway() {
	select {
	case c := <-b.conns:
		c.nc.Close() //nolint:errcheck // never used
	default:
	}
}

// dismiss asks a backend to end: EXIT, and SIGTERM if that does not help.
func (b *backend) dismiss(p process) {
	if b.conn != nil {
		b.conn.out.control(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_EXIT}) //nolint:errcheck // gone already is as good
		select {
		case <-p.Exited():
			return
		case <-b.leaving:
			return
		case <-time.After(b.m.t.exit):
		}
	}
	p.Signal(syscall.SIGTERM) //nolint:errcheck // bury sees to it
	wait(p.Exited(), b.m.t.term)
}

// bury makes sure that the process is gone. What hangs is made to show its
// stack first (SIGABRT; SIGCONT in case it was stopped), others have a moment
// to notice that their connection is gone.
func (b *backend) bury(p process, o outcome) {
	t := b.m.t
	switch {
	case errors.Is(o.err, ErrHung):
		p.Signal(syscall.SIGABRT) //nolint:errcheck // the kill follows
		p.Signal(syscall.SIGCONT) //nolint:errcheck // the kill follows
		wait(p.Exited(), t.abort)
	case !o.asked && !wait(p.Exited(), t.exit):
		p.Signal(syscall.SIGTERM) //nolint:errcheck // the kill follows
		wait(p.Exited(), t.term)
	}
	if wait(p.Exited(), 0) {
		return
	}
	b.m.o.Log.Warn("backend is killed", "backend", b.number, "pid", p.PID())
	p.Kill()
	if !wait(p.Exited(), t.exit) {
		b.m.o.Log.Error("backend does not die", "backend", b.number, "pid", p.PID())
	}
}

// wait waits until c is closed, d at most, and reports whether it was.
func wait(c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}
