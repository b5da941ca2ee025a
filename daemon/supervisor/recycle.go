// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import "time"

// look takes over the configuration in force, if it is another one by now.
func (m *Manager) look() {
	cfg := m.o.Config()
	m.mu.Lock()
	same := cfg == m.cfg
	m.mu.Unlock()
	if same {
		return
	}
	digest := cfg.Digest()
	m.mu.Lock()
	m.cfg, m.digest = cfg, digest
	m.mu.Unlock()
}

// drainLocked closes backends that run with an older configuration, and ends
// them when service.backend_drain is over. next is when the next of them is
// due. It needs mu.
func (m *Manager) drainLocked(now time.Time) (next time.Duration) {
	for _, b := range m.backends {
		if b.digest == m.digest || b.endReason != nil {
			continue
		}
		if b.drainBy.IsZero() {
			b.slot.closed = true
			b.drainBy = now.Add(m.cfg.Service.BackendDrain)
		}
		rest := b.drainBy.Sub(now)
		if rest <= 0 {
			b.endLocked(ErrDrained)
		} else if next == 0 || rest < next {
			next = rest
		}
	}
	return next
}

// collectLocked makes the largest backend take nobody new every
// service.memory_collector_time: it ends when its users have left. It needs mu.
func (m *Manager) collectLocked(now time.Time) (next time.Duration) {
	period := m.cfg.Service.MemoryCollectorTime
	if period <= 0 {
		m.collectAt = time.Time{}
		return 0
	}
	if m.collectAt.IsZero() {
		m.collectAt = now.Add(period)
	}
	if rest := m.collectAt.Sub(now); rest > 0 {
		return rest
	}
	m.collectAt = now.Add(period)
	var largest *backend
	for _, b := range m.backends {
		if b.slot.closed || b.slot.users == 0 || !b.stats.Reported {
			continue
		}
		if largest == nil || b.stats.Res > largest.stats.Res {
			largest = b
		}
	}
	if largest != nil {
		largest.slot.closed = true
	}
	return period
}
