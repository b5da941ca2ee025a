// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// maxCrashed bounds the list that Crashed returns.
const maxCrashed = 1000

// patience is how many starts may fail in a row before those who wait are told.
const patience = 3

// Manager looks after all backends of one instance.
type Manager struct {
	o      Options
	t      timing
	launch launcher
	// kick wakes Run's loop: something changed that may need a start or an end.
	kick  chan struct{}
	ready chan struct{}
	// wg counts what Run waits for: backends' lives, and Lost calls.
	wg sync.WaitGroup

	mu        sync.Mutex
	backends  map[int]*backend
	users     map[string]*Link
	waiters   []*waiter
	crashed   []string
	features  *pbnetwork.Features
	featureOf int // number of the backend that said so
	isReady   bool
	stopping  bool
	failures  int // failed starts in a row
	retryAt   time.Time
	problem   error
	permanent bool
	cfg       *config.Config // in force, as Run's loop saw it last
	digest    string         // of cfg
	collectAt time.Time
	idle      chan struct{} // closed when no backend is left; nil while nobody asks
}

// New makes a Manager; nothing happens before Run.
func New(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnLog == nil {
		o.OnLog = func(backend int, level slog.Level, line string) {
			o.Log.Log(context.Background(), level, line, "backend", backend)
		}
	}
	m := &Manager{
		o: o, t: defaultTiming(), kick: make(chan struct{}, 1), ready: make(chan struct{}),
		backends: map[int]*backend{}, users: map[string]*Link{},
	}
	m.launch = newStarter(m)
	return m
}

// Ready is closed when the first backend is ready.
func (m *Manager) Ready() <-chan struct{} { return m.ready }

// Features is what the newest backend said about itself; false before any did.
func (m *Manager) Features() (pbnetwork.Features, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.features == nil {
		return pbnetwork.DefaultFeatures(), false
	}
	return *m.features, true
}

// Crashed lists the numbers of the backends that crashed or hung, oldest
// first, the last thousand of them.
func (m *Manager) Crashed() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.crashed...)
}

// Waiting is how many users wait for a backend.
func (m *Manager) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiters)
}

// Problem says in one sentence why backends do not start, "" while they do.
func (m *Manager) Problem() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.problem == nil {
		return ""
	}
	return m.problem.Error()
}

// Reload makes the Manager look at the configuration at once.
func (m *Manager) Reload() { m.wake() }

// wake makes Run's loop look at everything again.
func (m *Manager) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// rulesLocked is the configuration's part in assignment. It needs mu, and is
// not called before there are backends.
func (m *Manager) rulesLocked() rules {
	s := m.cfg.Service
	return rules{limit: max(1, s.UsersPerBackend), reuse: s.ReuseOldBackends, idle: m.t.idle}
}

// launched notes the process of a backend, nil if it could not be started.
func (m *Manager) launched(b *backend, p process) {
	m.mu.Lock()
	b.proc = p
	m.mu.Unlock()
	close(b.isLaunched)
}

// attach gives an authenticated connection to its backend.
func (m *Manager) attach(b *backend, p peer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.peer != nil {
		return fmt.Errorf("backend %d has a connection already", b.number)
	}
	if b.slot.closed {
		return fmt.Errorf("backend %d is being ended", b.number)
	}
	b.peer = &p
	p.conn.handle = b.frame
	b.conns <- p.conn
	return nil
}

// connOf is the connection of an attached backend.
func (m *Manager) connOf(b *backend) *conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	return b.peer.conn
}

// reasonOf is why the backend was told to end.
func (m *Manager) reasonOf(b *backend) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return backendError(b.number, b.endReason)
}

// ponged makes a backend ready at its first PONG.
func (m *Manager) ponged(b *backend) {
	if !m.becomesReady(b, time.Now()) {
		return
	}
	m.o.Log.Info("backend is ready", "backend", b.number, "level", b.peer.conn.level, "program", b.peer.program,
		"took", b.readyAt.Sub(b.since).Round(time.Millisecond))
	m.wake()
}

// becomesReady reports whether this PONG was the first.
func (m *Manager) becomesReady(b *backend, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.slot.ready {
		return false
	}
	b.slot.ready, b.slot.empty, b.readyAt = true, now, now
	close(b.ready)
	m.problem, m.permanent = nil, false
	if !m.isReady {
		m.isReady = true
		close(m.ready)
	}
	m.assignLocked()
	return true
}

// shut makes a backend take nobody new.
func (m *Manager) shut(b *backend) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b.slot.closed = true
}

// reported keeps a backend's STATS.
func (m *Manager) reported(b *backend, s *pbnetwork.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b.stats = Stats{Res: int64(s.GetRes()), InitRes: int64(s.GetInitRes()), Shared: int64(s.GetShared()), Reported: true}
}

// described keeps what a backend said about itself.
func (m *Manager) described(b *backend, f pbnetwork.Features) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b.features = &f
	if b.number >= m.featureOf {
		m.features, m.featureOf = &f, b.number
	}
}
