// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"cmp"
	"maps"
	"slices"
)

// Backends says how each backend is, by number.
func (m *Manager) Backends() []BackendStatus {
	all := m.statuses()
	for i := range all {
		all[i].RSS = residentMemory(all[i].PID)
		all[i].Scope = scopeOf(all[i].PID)
	}
	slices.SortFunc(all, func(a, b BackendStatus) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (m *Manager) statuses() []BackendStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]BackendStatus, 0, len(m.backends))
	for _, b := range m.backends {
		all = append(all, b.statusLocked())
	}
	return all
}

// statusLocked is the backend's status but for what the kernel has to be asked.
// It needs Manager.mu.
func (b *backend) statusLocked() BackendStatus {
	state := b.stateLocked()
	s := BackendStatus{
		ID: b.number, State: state, Since: b.since, Users: len(b.users),
		UserNames: slices.Sorted(maps.Keys(b.users)),
		Stats:     b.stats, Draining: state == "draining", Late: b.late,
	}
	if b.proc != nil {
		s.PID, s.Executable = b.proc.PID(), b.proc.Executable()
	}
	if b.peer != nil {
		s.Level, s.Program = b.peer.conn.level, b.peer.program
	}
	return s
}
