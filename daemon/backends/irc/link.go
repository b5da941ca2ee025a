// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// errEnded answers an event for a link whose loop has ended.
var errEnded = errors.New("the connection to the network has ended")

// phase is how far a link's connection has come.
type phase int

const (
	parked      phase = iota // not connected, and nothing planned
	waiting                  // for the next try
	dialing                  // a connection is being made
	registering              // until the server's welcome
	entering                 // welcomed; MOTD, identification
	online
)

// identity is who the user is on a network.
type identity struct {
	// nick is the one he wants. account and password are "" where he gave
	// none: with many networks a password is never sent anywhere.
	nick, account, password string
}

// link is one user's connection with one network, over all reconnects. All
// fields below events belong to the goroutine of run.
type link struct {
	user User
	log  *slog.Logger
	addr addressing
	// network is the network in legacy names, "" with one network; contact is
	// the legacy name of the network itself.
	network, contact string
	settings         settings
	open             dialer
	pacing           *dialPacing
	// many: one of many networks, for which the user gave no password.
	// transient: such a link that ends with its last room.
	many, transient bool

	// events takes what the session wants done. It is unbuffered, so that an
	// event that was taken is also carried out.
	events chan func(*link)
	done   chan struct{}

	id    identity
	phase phase
	over  bool
	err   error
	// wantDial asks the loop, which has the context, to dial.
	wantDial  bool
	abortDial context.CancelFunc
	dialing   chan dialed
	// attempts counts the tries since the last connection that held.
	attempts int
	// welcomed: the user has been logged in at least once.
	welcomed bool

	wire   *wire
	server *server
	agenda agenda
	out    outbox

	rooms rooms
	// unconfirmed are the lines that were written and not yet confirmed, in order.
	unconfirmed []*sentLine
	// written numbers those lines, labels the requests that carry one.
	written, labels uint64
	// idPrefix and ids make ids for messages to which the network gives none.
	idPrefix string
	ids      uint64
	// via is the room through which the user talks with a nick in private.
	via      map[string]string
	contacts map[string]*watch
	// isonLeft is how many lines of ISON are unanswered.
	isonLeft int
	status   backend.Status
	// isAway: the server was told so.
	isAway  bool
	answers answers
	ctcp    pacer
	whoisAt time.Time
	// listing is what of a LIST has come.
	listing []listed
	// asked is the nick of a change that is not answered yet, askedIn the legacy
	// name of the room in which it was wished, "" for a command.
	asked, askedIn string
}

func newLink(u User, id identity, s settings, n *Network) *link {
	return &link{
		user: u, log: u.Log(), settings: s, open: n.dial, pacing: n.pacing, id: id,
		addr: n.addr, events: make(chan func(*link)), done: make(chan struct{}),
		agenda: agenda{}, via: map[string]string{}, contacts: map[string]*watch{},
		idPrefix: "irc-" + strconv.FormatInt(time.Now().UnixMicro(), 36) + "-", ctcp: newPacer(5 * time.Second), server: newServer(s.endpoints[0], time.Now()),
	}
}

// post has the loop carry out f. It fails once the loop has ended.
func (l *link) post(ctx context.Context, f func(*link)) error {
	select {
	case l.events <- f:
		return nil
	case <-l.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run keeps the user on the network until ctx is cancelled, or the network
// refuses him, or nothing keeps the link any more. Only errors that are the
// end of the session are returned.
func (l *link) run(ctx context.Context) error {
	defer close(l.done)
	l.wantDial = true
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !l.over {
		if l.wantDial {
			l.startDial(ctx)
		}
		l.step(ctx, timer)
	}
	l.end()
	return l.err
}

// step waits for one thing to happen and lets it.
func (l *link) step(ctx context.Context, timer *time.Timer) {
	now := time.Now()
	wake, armed := l.agenda.next()
	out, line, lane, turn := l.next(now)
	if !turn.IsZero() && (!armed || turn.Before(wake)) {
		wake, armed = turn, true
	}
	if armed {
		timer.Reset(max(0, wake.Sub(now)))
	} else {
		timer.Stop()
	}
	select {
	case <-ctx.Done():
		l.over = true
	case f := <-l.events:
		f(l)
	case d := <-l.dialing:
		l.connected(d)
	case raw, ok := <-l.lines():
		l.received(raw, ok)
	case out <- line:
		it := l.out.queue[lane][0]
		l.out.pop(lane, now)
		l.wrote(it, now)
	case <-timer.C:
	}
	l.doDue(time.Now())
}

// next is the line that may be written now, with the channel that takes it,
// or else when its turn is.
func (l *link) next(now time.Time) (to chan<- []byte, line []byte, from lane, turn time.Time) {
	if l.wire == nil {
		return nil, nil, 0, time.Time{}
	}
	it, from, wait, ok := l.out.peek(now)
	if !ok {
		return nil, nil, 0, time.Time{}
	}
	if wait > 0 {
		return nil, nil, 0, now.Add(wait)
	}
	return l.wire.out, append(l.settings.charset.bytes(it.line), '\r', '\n'), from, time.Time{}
}

func (l *link) lines() <-chan []byte {
	if l.wire == nil {
		return nil
	}
	return l.wire.in
}

// end leaves the network in an orderly way.
func (l *link) end() {
	l.stopDial()
	l.sayRest()
	l.hangUp([]byte("QUIT :Leaving\r\n"))
	l.phase = parked
}

// lastLines is how many lines go out at once when the user leaves.
const lastLines = 20

// sayRest writes what waits and was the user's wish: who writes and leaves has
// written. The pace is for those who stay; so few lines fill no server's queue.
func (l *link) sayRest() {
	late := time.NewTimer(time.Second)
	defer late.Stop()
	for range lastLines {
		now := time.Now()
		it, from, _, ok := l.out.peek(now)
		if l.phase != online || l.wire == nil || !ok || from > normal {
			return
		}
		select {
		case l.wire.out <- append(l.settings.charset.bytes(it.line), '\r', '\n'):
			l.out.pop(from, now)
			l.wrote(it, now)
		case <-late.C:
			return
		}
	}
}

// stopDial ends a try to connect.
func (l *link) stopDial() {
	if l.abortDial == nil {
		return
	}
	l.abortDial()
	if d := <-l.dialing; d.conn != nil {
		d.conn.Close()
	}
	l.abortDial, l.dialing = nil, nil
}
