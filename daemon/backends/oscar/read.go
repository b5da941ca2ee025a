// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// parting is what a server says when it ends a connection: a code in BOS
// sessions (disconnect), or in a login (subcode), and a page about it. Cookies
// of a FLAP login come this way too.
type parting struct {
	tlvs []tlv
}

// errParted: the server ended the connection with a signoff frame, which is in
// link.parting.
var errParted = errors.New("the server signed off")

// run reads until the connection ends, ctx does, or the server signs off
// (errParted). It never returns nil.
func (l *link) run(ctx context.Context) error {
	defer l.watch(ctx)()
	for {
		if err := l.step(ctx); err != nil {
			return err
		}
	}
}

// call is request for the goroutine that reads: it handles what comes in
// between.
func (l *link) call(ctx context.Context, group, sub uint16, body any) (snac, error) {
	defer l.watch(ctx)()
	id, reply := l.expect()
	defer l.forget(id)
	if _, err := l.submit(kind{group, sub}, id, body, nil); err != nil {
		return snac{}, err
	}
	deadline := time.Now().Add(requestTimeout)
	for {
		if err := l.step(ctx); err != nil {
			return snac{}, err
		}
		select {
		case p := <-reply:
			return p, p.err()
		default:
		}
		if time.Now().After(deadline) {
			return snac{}, errNoReply
		}
	}
}

// callAll is requestAll for the goroutine that reads.
func (l *link) callAll(ctx context.Context, group, sub uint16, body any) ([]snac, error) {
	defer l.watch(ctx)()
	id, reply := l.expect()
	defer l.forget(id)
	if _, err := l.submit(kind{group, sub}, id, body, nil); err != nil {
		return nil, err
	}
	var all []snac
	size := 0
	for deadline := time.Now().Add(requestTimeout); ; {
		if err := l.step(ctx); err != nil {
			return all, err
		}
		select {
		case p := <-reply:
			if err := p.err(); err != nil {
				return all, err
			}
			if all = append(all, p); p.flags&wire.SNACFlagsMoreToCome == 0 {
				return all, nil
			}
			if size += len(p.body); size > maxReply {
				return nil, errEndless
			}
		default:
		}
		if time.Now().After(deadline) {
			return all, errNoReply
		}
	}
}

// watch makes a blocked read return when ctx ends; the result undoes that.
func (l *link) watch(ctx context.Context) func() {
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = l.conn.SetReadDeadline(time.Unix(1, 0))
		close(ran)
	})
	l.reader.ended = func() error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return l.ended()
	}
	return func() {
		if !stop() {
			<-ran
		}
	}
}

// partTimeout is how long a server may take to end a session.
const partTimeout = 2 * time.Second

// part says goodbye and waits until the server has closed the connection, for
// the goroutine that reads: a login that came while the old session ends
// would end up in a session that nobody can reach.
func (l *link) part() {
	if l.parting == nil && l.write(wire.FLAPFrameSignoff, nil) == nil && l.conn.SetReadDeadline(time.Now().Add(partTimeout)) == nil {
		_, _ = io.Copy(io.Discard, l.conn)
	}
	l.close()
}

// step reads one frame and handles it.
func (l *link) step(ctx context.Context) error {
	f, err := l.reader.read(keepAliveEvery)
	defer l.reader.release()
	switch {
	case err == nil:
		return l.frame(f)
	case errors.Is(err, errQuiet):
		// TCP itself finds out whether the peer is still there: this gives it
		// something to send.
		return l.write(wire.FLAPFrameKeepAlive, nil)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server closed the connection: %w", err)
	}
	return err
}

// frame handles one frame.
func (l *link) frame(f frame) error {
	switch f.kind {
	case wire.FLAPFrameData:
		p, err := parseSNAC(f.payload)
		if err != nil {
			return err
		}
		l.dispatch(p)
	case wire.FLAPFrameSignoff:
		c := cursor{b: append([]byte(nil), f.payload...)}
		l.parting = &parting{tlvs: c.tlvs()}
		return errParted
	case wire.FLAPFrameSignon, wire.FLAPFrameError, wire.FLAPFrameKeepAlive:
	default:
		return fmt.Errorf("read a FLAP frame of the unknown type %d", f.kind)
	}
	return nil
}

// dispatch hands p to who waits for it, or else to its handler.
func (l *link) dispatch(p snac) {
	if l.take(p) {
		return
	}
	handle := l.handlers[p.kind]
	if handle == nil {
		l.session.log.Debug("a SNAC that nobody handles", "snac", p.kind.String(), "err", p.err())
		return
	}
	if err := handle(l.session, l, p); err != nil {
		l.session.log.Info("a SNAC from the server was not understood", "snac", p.kind.String(), "err", err)
	}
}
