// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// backend is one backend process and its connection, from the decision to
// start it until both are gone. Its run is the one goroutine that decides about
// its life; what others look at is guarded by the Manager's mu.
type backend struct {
	m      *Manager
	number int
	cfg    *config.Config
	digest string
	// isLaunched is closed when proc is set, or the start has failed.
	isLaunched chan struct{}
	// conns brings the authenticated connection, ready is closed by the first
	// PONG, ending by end, leaving by leave.
	conns   chan *conn
	ready   chan struct{}
	ending  chan struct{}
	leaving chan struct{}

	// conn is run's own.
	conn *conn

	// Guarded by Manager.mu.
	slot      slot
	proc      process
	peer      *peer
	since     time.Time
	readyAt   time.Time
	drainBy   time.Time
	endReason error
	left      bool
	users     map[string]*Link
	served    map[string]struct{}
	features  *pbnetwork.Features
	rooms     *pbnetwork.Frame // the last ROOM_LIST for everybody
	stats     Stats
	late      uint64

	// The reader's own.
	hand   handing
	warned map[pbnetwork.Type]bool
}

// peer is an authenticated connection and what was said when it was opened.
type peer struct {
	conn           *conn
	program, build string
}

func newBackend(m *Manager, number int, cfg *config.Config, digest string, now time.Time) *backend {
	return &backend{
		m: m, number: number, cfg: cfg, digest: digest, since: now,
		slot:       slot{number: number},
		isLaunched: make(chan struct{}), conns: make(chan *conn, 1), ready: make(chan struct{}),
		ending: make(chan struct{}), leaving: make(chan struct{}),
		users: map[string]*Link{}, served: map[string]struct{}{}, warned: map[pbnetwork.Type]bool{},
		hand: handing{limit: m.t.frame},
	}
}

// endLocked tells the backend to end; reason is what its users are told. Only
// the first call counts. It needs Manager.mu.
func (b *backend) endLocked(reason error) {
	if b.endReason == nil {
		b.endReason = reason
		b.slot.closed = true
		close(b.ending)
	}
}

// leaveLocked lets the process be and ends everything else. It needs
// Manager.mu.
func (b *backend) leaveLocked() {
	if !b.left {
		b.left = true
		b.slot.closed = true
		close(b.leaving)
	}
}

// stateLocked is the word for BackendStatus.State. It needs Manager.mu.
func (b *backend) stateLocked() string {
	switch {
	case b.endReason != nil || b.left:
		return "ending"
	case !b.slot.ready:
		return "starting"
	case b.slot.closed:
		return "draining"
	}
	return "ready"
}
