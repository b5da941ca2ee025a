// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/admin"
	"spectrum.im/spectrum2/daemon/session"
)

// sentence is the instance's state in one true sentence: what systemctl status
// and spectrumctl show.
func (i *Instance) sentence() string {
	if i.stopping.Load() {
		return "stopping"
	}
	var parts []string
	link := i.linkState.Load()
	if !link.Connected {
		parts = append(parts, link.Text)
	}
	if p := i.storeProblem(); p != "" {
		parts = append(parts, p)
	}
	if c := i.cluster; c.isMember() {
		parts = append(parts, c.sentence())
	}
	backends := len(i.backends.Backends())
	if p := i.backends.Problem(); p != "" {
		parts = append(parts, p)
	} else if backends == 0 && !closed(i.backends.Ready()) {
		parts = append(parts, "waiting for the first backend")
	}
	parts = append(parts, plural(i.sessions.online(), "user")+" online", plural(backends, "backend"))
	if i.side != nil && link.Connected {
		return strings.Join(append(parts, plural(i.side.wire.Conns(), "client")+" connected, listening on "+link.Addr), ", ")
	}
	if link.Connected {
		parts = append(parts, "connected to "+link.Addr)
	}
	return strings.Join(parts, ", ")
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// figures are the administrator's figures (admin.Instance).
type figures struct{ *Instance }

func (f figures) Uptime() time.Duration { return time.Since(f.started) }

func (f figures) OnlineUsers() []string {
	var out []string
	for _, st := range f.sessions.statuses() {
		if st.State == session.Online {
			out = append(out, st.User)
		}
	}
	return out
}

func (f figures) Backends() []admin.Backend {
	var out []admin.Backend
	for _, b := range f.backends.Backends() {
		out = append(out, admin.Backend{
			ID: b.ID, PID: b.PID, Users: b.Users,
			Resident: int(b.Stats.Res), Initial: int(b.Stats.InitRes), Shared: int(b.Stats.Shared),
		})
	}
	return out
}

func (f figures) CrashedBackends() []string { return f.backends.Crashed() }

func (f figures) Memory() (resident, shared int) { return ownMemory() }

func (f figures) Messages() (from, to uint64) { return f.fromXMPP.Load(), f.toXMPP.Load() }

func (f figures) Reload(ctx context.Context) ([]string, error) {
	_, needRestart, _, err := f.reload(ctx)
	return needRestart, err
}

// ownMemory reads this process's memory in KiB, 0 where there is no /proc.
func ownMemory() (resident, shared int) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0
	}
	var size int
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		return 0, 0
	}
	kib := os.Getpagesize() / 1024
	return resident * kib, shared * kib
}
