// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// maxUnwritten is how much may wait for a server that does not read.
const maxUnwritten = 1 << 20

// requestTimeout is how long a reply may take, the wait for the rate limits
// included.
const requestTimeout = 60 * time.Second

var (
	errEnded     = errors.New("the connection to the network has ended")
	errUnwritten = errors.New("the server does not read")
	errNoReply   = errors.New("the network did not answer in time")
)

// link is one FLAP connection: with the login server, with BOS (the session
// itself), or with a further service. One goroutine reads (step, run, call);
// a writer runs while there is something to write. send and request are for
// any goroutine.
type link struct {
	session *session
	// service is the food group that the connection is for; wire.BOS for the
	// session's own.
	service uint16
	conn    net.Conn
	reader  flapReader
	limits  *limiter
	// handlers take what nobody waits for.
	handlers table
	// done is closed when the connection has ended.
	done chan struct{}
	// parting is the server's farewell, moved where it sends the user instead,
	// both for the goroutine that reads.
	parting *parting
	moved   *ticket

	mu      sync.Mutex
	err     error // why the connection has ended
	seq     uint16
	ids     uint32
	out     []byte
	written chan struct{} // closed when the running writer is done
	waiting map[uint32]chan snac
}

// table says what is done with SNACs that nobody waits for. A handler runs in
// the link's reading goroutine: it must not wait for a reply (start a
// goroutine with session.user.Go for that), and keeps nothing of p.body. Its
// error is logged and ends nothing.
type table map[kind]func(s *session, l *link, p snac) error

func newLink(s *session, service uint16, conn net.Conn, handlers table) *link {
	l := &link{session: s, service: service, conn: conn, handlers: handlers, done: make(chan struct{})}
	l.reader = flapReader{conn: conn, ended: l.ended}
	l.limits = &limiter{done: l.done, run: s.user.Go}
	return l
}

// ended is why the connection has ended, nil while it has not.
func (l *link) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// send sends a SNAC for which no reply is waited, within the rate limits. body
// is nil, raw, or one of wire's types.
func (l *link) send(group, sub uint16, body any) error {
	_, err := l.submit(kind{group, sub}, 0, body, nil)
	return err
}

// submit is send that says how long the SNAC has to wait, and sets sent to the
// time when it goes out. id 0 is replaced by a new one.
func (l *link) submit(k kind, id uint32, body any, sent *atomic.Int64) (time.Duration, error) {
	if id == 0 {
		id = l.nextID()
	}
	b, err := appendSNAC(nil, k, id, body)
	if err != nil {
		return 0, err
	}
	return l.limits.submit(item{link: l, kind: k, snac: b, sent: sent})
}

// nextID gives a request id that is not in use. The highest bit is the
// server's.
func (l *link) nextID() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = l.ids%0x7fff_fffe + 1
	return l.ids
}

// lastID is the last id that nextID gave.
func (l *link) lastID() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ids
}

// request sends a SNAC and waits for its reply, which has the same id. An
// error SNAC is returned as *snacError. It must not be used in a handler, nor
// in the goroutine that reads, which has call.
func (l *link) request(ctx context.Context, group, sub uint16, body any) (snac, error) {
	id, reply := l.expect()
	defer l.forget(id)
	if _, err := l.submit(kind{group, sub}, id, body, nil); err != nil {
		return snac{}, err
	}
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	select {
	case p := <-reply:
		return p, p.err()
	case <-l.done:
		return snac{}, errEnded
	case <-ctx.Done():
		return snac{}, ctx.Err()
	case <-timer.C:
		return snac{}, errNoReply
	}
}

// requestAll is request for replies that may come in several parts.
func (l *link) requestAll(ctx context.Context, group, sub uint16, body any) ([]snac, error) {
	id, reply := l.expect()
	defer l.forget(id)
	if _, err := l.submit(kind{group, sub}, id, body, nil); err != nil {
		return nil, err
	}
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	var all []snac
	size := 0
	for {
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
		case <-l.done:
			return all, errEnded
		case <-ctx.Done():
			return all, ctx.Err()
		case <-timer.C:
			return all, errNoReply
		}
	}
}

// maxReply is how long a reply in several parts may be, in bytes: more than any
// contact list or search is.
const maxReply = 8 << 20

var errEndless = errors.New("the server's answer has no end")

// maxParts is how many parts of one reply may wait for who asked.
const maxParts = 64

// expect makes a request id whose replies are waited for.
func (l *link) expect() (uint32, chan snac) {
	id, reply := l.nextID(), make(chan snac, maxParts)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = make(map[uint32]chan snac)
	}
	l.waiting[id] = reply
	return id, reply
}

func (l *link) forget(id uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.waiting, id); len(l.waiting) == 0 {
		l.waiting = nil
	}
}

// take hands p to who waits for it.
func (l *link) take(p snac) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	reply := l.waiting[p.id]
	if reply == nil {
		return false
	}
	p.body = append([]byte(nil), p.body...)
	select {
	case reply <- p:
	default: // a server that answers one request without end
	}
	return true
}

// write queues a frame for the writer, which it starts if none runs.
func (l *link) write(kind uint8, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return errEnded
	}
	if len(l.out)+len(payload) > maxUnwritten {
		l.failLocked(errUnwritten)
		return errUnwritten
	}
	l.out = appendFrame(l.out, kind, l.seq, payload)
	l.seq++
	if l.written == nil {
		l.written = make(chan struct{})
		l.session.user.Go(l.writer)
	}
	return nil
}

// writer writes until nothing waits.
func (l *link) writer() {
	for {
		l.mu.Lock()
		b := l.out
		l.out = nil
		if len(b) == 0 {
			close(l.written)
			l.written = nil
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = l.conn.Write(b)
		}
		if err != nil {
			l.fail(fmt.Errorf("write to the network: %w", err))
		}
	}
}

// fail ends the connection; the first reason counts.
func (l *link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
}

func (l *link) failLocked(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	l.out = nil
	close(l.done)
	// Whoever reads wakes up; close closes.
	_ = l.conn.SetReadDeadline(time.Unix(1, 0))
}

// close says goodbye and closes the connection. What waits for the rate limits
// is not sent any more. It waits for the writer, a moment at most.
func (l *link) close() {
	_ = l.write(wire.FLAPFrameSignoff, nil) // fails where the connection has
	l.mu.Lock()
	written := l.written
	l.mu.Unlock()
	if written != nil {
		timer := time.NewTimer(time.Second)
		select {
		case <-written:
		case <-timer.C:
		}
		timer.Stop()
	}
	l.fail(errEnded)
	l.conn.Close()
}
