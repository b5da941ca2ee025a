// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const (
	firstRetry      = 4 * time.Second
	longestRetry    = 5 * time.Minute
	stableAfter     = time.Minute
	registerTimeout = time.Minute
	idleTimeout     = 2 * time.Minute
	pongTimeout     = time.Minute
)

// backoff is the delay before the n-th try (from 0): doubling, and somewhere
// between half and the whole of it, so that the users of a network that was
// away do not all come at once.
func backoff(n int, random float64) time.Duration {
	d := longestRetry
	if n < 10 {
		d = min(d, firstRetry<<n)
	}
	return d/2 + time.Duration(random*float64(d/2))
}

// dialPacing spreads the reconnects of all users to one host: networks ban
// hosts that come back in a storm. First logins are the main process's to
// spread.
type dialPacing struct {
	mu    sync.Mutex
	hosts map[string]*rate.Limiter
}

// delay is how much longer a reconnect to host has to wait for its turn.
func (p *dialPacing) delay(host string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]*rate.Limiter{}
	}
	if p.hosts[host] == nil {
		p.hosts[host] = rate.NewLimiter(rate.Every(time.Second/2), 10)
	}
	return p.hosts[host].ReserveN(now, 1).DelayFrom(now)
}

// startDial makes the next connection in a goroutine whose result the loop
// takes.
func (l *link) startDial(ctx context.Context) {
	l.wantDial = false
	l.phase = dialing
	ctx, l.abortDial = context.WithCancel(ctx)
	result := make(chan dialed, 1)
	l.dialing = result
	s, open, first := l.settings, l.open, l.attempts
	go func() { result <- s.dial(ctx, open, first) }()
}

// connected takes over the result of startDial.
func (l *link) connected(d dialed) {
	if l.abortDial != nil {
		l.abortDial()
		l.abortDial, l.dialing = nil, nil
	}
	if d.err != nil {
		l.lost(d.err)
		return
	}
	now := time.Now()
	l.wire = newWire(d.conn)
	l.server = newServer(d.at, now)
	if d.tls != nil {
		l.server.tls = tls.VersionName(d.tls.Version)
	}
	l.out = outbox{pace: newPacer(l.settings.perLine)}
	l.isAway, l.isonLeft, l.asked, l.askedIn = false, 0, "", ""
	l.refold()
	l.agenda.set(taskRegister, now.Add(registerTimeout))
	l.agenda.set(taskIdle, now.Add(idleTimeout))
	l.register()
}

// hangUp closes the connection, if there is one, and settles what was under
// way on it.
func (l *link) hangUp(last []byte) {
	if l.wire == nil {
		return
	}
	l.wire.close(last)
	l.wire = nil
	l.dropMessages("The connection to the network was lost")
	l.answers.failAll()
	l.offlineContacts()
	for _, t := range connectionTasks {
		l.agenda.cancel(t)
	}
}

// lost is the end of a connection that nobody wished to end.
func (l *link) lost(err error) {
	said := l.server.farewell
	l.hangUp(nil)
	failure := l.failure(err, said)
	if !l.welcomed {
		l.refuse(failure)
		return
	}
	l.log.Warn("lost the IRC server", "server", l.server.at.String(), "err", failure)
	wasOnline := l.phase == online
	for _, r := range l.rooms.all() {
		r.lost()
	}
	if wasOnline {
		l.tell(failure.Text + "; reconnecting")
	}
	l.retry()
}

// retry plans the next try.
func (l *link) retry() {
	now := time.Now()
	delay := backoff(l.attempts, rand.Float64())
	delay = max(delay, l.pacing.delay(l.server.at.host, now))
	l.attempts++
	l.phase = waiting
	l.agenda.cancel(taskStable)
	l.agenda.set(taskDial, now.Add(delay))
}

// failure is what to say about the end of a connection; said is the text of
// the server's ERROR, if it sent one.
func (l *link) failure(err error, said string) *backend.Error {
	var known *backend.Error
	if errors.As(err, &known) {
		return known
	}
	code := pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR
	text := "The connection to " + l.server.at.host + " was lost"
	if said != "" {
		text = l.server.at.host + " closed the connection: " + said
	}
	if l.phase == registering && l.settings.sendPass && l.id.password != "" && deniedPass.MatchString(said) {
		code = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED
	}
	return &backend.Error{Code: code, Text: text, Err: err}
}

// refuse ends a link that never came to be logged in. With one network that
// ends the session, and the main process decides whether to try again; with
// many it fails the joins.
func (l *link) refuse(e *backend.Error) {
	l.over = true
	if !l.many {
		l.err = e
		return
	}
	l.log.Info("cannot reach the IRC network", "server", l.server.at.String(), "err", e)
	for _, r := range l.rooms.all() {
		l.user.JoinFailed(r.legacy, r.asked, condition(e.Code), e.Text)
		l.rooms.remove(r)
	}
}

// fatal ends the connection because of something that trying again would not
// change.
func (l *link) fatal(code pbnetwork.ConnectionError, text string) {
	l.hangUp([]byte("QUIT\r\n"))
	e := &backend.Error{Code: code, Text: text}
	if l.many && l.welcomed {
		l.tell(text)
		l.leaveAll(text)
		l.over = true
		return
	}
	l.refuse(e)
}

// condition is the error of a join that failed because the network could not
// be reached.
func condition(code pbnetwork.ConnectionError) string {
	switch code {
	case pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME:
		return "not-acceptable"
	case pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE:
		return "conflict"
	case pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED:
		return "not-authorized"
	}
	return "remote-server-timeout"
}
