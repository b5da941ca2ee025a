// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/config"
)

// errUnneeded is why an empty backend ends.
var errUnneeded = fmt.Errorf("%w: it is not needed", ErrStopped)

// Run listens for backends, starts and ends them as users come and go, and
// returns when ctx has ended and all of them are gone; unless Stop did it
// before, they are ended as Stop does it. The error says what could not be set
// up.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.launch.open(); err != nil {
		return err
	}
	defer m.launch.close()
	m.loop(ctx)
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*(m.t.exit+m.t.term))
	defer cancel()
	m.Stop(stopCtx, false)
	m.wg.Wait()
	return nil
}

// loop starts and ends backends until ctx ends.
func (m *Manager) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		m.look()
		n, cfg, digest, next := m.plan(time.Now())
		for range n {
			m.start(cfg, digest)
		}
		if next > 0 {
			timer.Reset(next)
		}
		select {
		case <-m.kick:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// plan ends what has to end and says how many backends to start, with which
// configuration, and when to look again at the latest (0: when kicked).
func (m *Manager) plan(now time.Time) (n int, cfg *config.Config, digest string, next time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return 0, nil, "", 0
	}
	sooner := func(d time.Duration) {
		if d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	sooner(m.drainLocked(now))
	sooner(m.collectLocked(now))
	sooner(m.forgiveLocked(now))
	rules := m.rulesLocked()
	end, d := rules.surplus(m.slotsLocked(), len(m.waiters), now)
	sooner(d)
	for _, number := range end {
		m.backends[number].endLocked(errUnneeded)
	}
	if wait := m.retryAt.Sub(now); wait > 0 {
		sooner(wait)
		return 0, nil, "", next
	}
	n = rules.starts(m.slotsLocked(), len(m.waiters))
	if m.failures > 0 {
		n = min(n, 1-m.startingLocked())
	}
	return n, m.cfg, m.digest, next
}

// startingLocked is how many backends are not ready yet. It needs mu.
func (m *Manager) startingLocked() int {
	n := 0
	for _, b := range m.backends {
		if !b.slot.ready && !b.slot.closed {
			n++
		}
	}
	return min(n, 1)
}

// forgiveLocked forgets failed starts once a backend has proved stable. It
// needs mu.
func (m *Manager) forgiveLocked(now time.Time) (next time.Duration) {
	if m.failures == 0 {
		return 0
	}
	for _, b := range m.backends {
		if !b.slot.ready {
			continue
		}
		rest := b.readyAt.Add(m.t.stable).Sub(now)
		if rest <= 0 {
			m.failures = 0
			return 0
		}
		if next == 0 || rest < next {
			next = rest
		}
	}
	return next
}

// start starts one backend.
func (m *Manager) start(cfg *config.Config, digest string) {
	number := m.launch.number()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return
	}
	b := newBackend(m, number, cfg, digest, time.Now())
	m.backends[number] = b
	m.wg.Go(func() { m.ended(b, b.run()) })
}

// ended forgets a backend and logs how it ended.
func (m *Manager) ended(b *backend, o outcome) {
	crashed := errors.Is(o.err, ErrCrashed) || errors.Is(o.err, ErrHung) || errors.Is(o.err, ErrProtocol)
	wasReady := m.forget(b, o, crashed)
	log := m.o.Log.With("backend", b.number, "error", o.err)
	if o.detail != "" {
		log = log.With("last_line", o.detail)
	}
	switch {
	case o.asked:
		log.Info("backend ended")
	case !wasReady:
		log.Error("backend did not start")
	case crashed:
		log.Error("backend is lost")
	default:
		log.Warn("backend ended by itself")
	}
	m.wake()
}

// forget does the book-keeping of a backend's end and reports whether it was
// ready before.
func (m *Manager) forget(b *backend, o outcome, crashed bool) bool {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.backends, b.number)
	if !o.asked {
		if crashed {
			m.crashed = append(m.crashed, strconv.Itoa(b.number))
			m.crashed = m.crashed[max(0, len(m.crashed)-maxCrashed):]
		}
		if !b.slot.ready || now.Sub(b.readyAt) < m.t.stable {
			m.failedLocked(o, now)
		}
	}
	if len(m.backends) == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
	return b.slot.ready
}

// failedLocked counts a failed start and puts off the next. It needs mu.
func (m *Manager) failedLocked(o outcome, now time.Time) {
	m.failures++
	m.permanent = o.permanent
	m.problem = o.err
	if o.detail != "" {
		m.problem = fmt.Errorf("%w (its last line: %q)", o.err, o.detail)
	}
	m.retryAt = now.Add(m.t.delay(m.failures))
	if m.hopelessLocked() {
		m.refuseLocked(noBackend(m.problem))
	}
}

// delay is how long to wait after so many failed starts: doubled each time, up
// to a bound, and then anything from half of it to all of it.
func (t timing) delay(failures int) time.Duration {
	d := t.retryX
	if shift := failures - 1; shift < 16 {
		d = min(d, t.retry<<shift)
	}
	return d/2 + rand.N(d/2+1)
}

// Stop ends all backends: EXIT, and after five seconds SIGTERM, then SIGKILL;
// when ctx ends, SIGKILL at once. With keep the connections are closed and the
// processes let be: the main process is restarted. Nobody gets a backend
// afterwards. It may be called more than once and returns when no backend is
// left.
func (m *Manager) Stop(ctx context.Context, keep bool) {
	idle := m.stop(keep)
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	for _, p := range m.processes() {
		p.Kill()
	}
	<-idle
}

// stop tells every backend to end and gives a channel that is closed when all
// have.
func (m *Manager) stop(keep bool) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopping = true
	m.refuseLocked(fmt.Errorf("backend: %w", ErrStopped))
	for _, b := range m.backends {
		if keep {
			b.leaveLocked()
		} else {
			b.endLocked(ErrStopped)
		}
	}
	if m.idle == nil {
		m.idle = make(chan struct{})
		if len(m.backends) == 0 {
			idle := m.idle
			close(idle)
			m.idle = nil
			return idle
		}
	}
	return m.idle
}

// processes are the processes that have been started and are not known to be
// gone.
func (m *Manager) processes() []process {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ps []process
	for _, b := range m.backends {
		if b.proc != nil {
			ps = append(ps, b.proc)
		}
	}
	return ps
}
