// SPDX-License-Identifier: GPL-2.0-or-later

package scoped_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/daemon/systemd/scoped"
)

// fakeBus says who the caller is.
type fakeBus struct {
	caller scoped.Process
	err    error
}

func (b fakeBus) Caller(context.Context, string) (scoped.Process, error) { return b.caller, b.err }

// fakeManager counts processes to units, and moves them like systemd.
type fakeManager struct {
	mu     sync.Mutex
	units  map[int]string
	scopes []scoped.Scope
	during func()
	err    error
	astray bool // the job is done, and the process is not there
}

func (m *fakeManager) UnitOf(_ context.Context, pid int) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u, ok := m.units[pid]; ok {
		return u, nil
	}
	return "", errors.New("does not belong to any loaded unit")
}

func (m *fakeManager) StartScope(_ context.Context, s scoped.Scope) error {
	if m.during != nil {
		m.during()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scopes = append(m.scopes, s)
	if m.err == nil && !m.astray {
		m.units[s.PID] = s.Unit()
	}
	return m.err
}

// made are the scopes asked for so far.
func (m *fakeManager) made() []scoped.Scope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.scopes)
}

// child is a process of this user, which ends with the test.
func child(t *testing.T) (pid, pidfd int, kill func()) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(func() { kill(); unix.Close(pidfd) })
	return cmd.Process.Pid, pidfd, kill
}

// asking is a broker, and a request that it grants.
func asking(t *testing.T) (*scoped.Broker, *fakeManager, scoped.Request, func()) {
	pid, pidfd, kill := child(t)
	m := &fakeManager{units: map[int]string{pid: "spectrum2@irc.service"}}
	b := &scoped.Broker{UID: os.Getuid(), Manager: m, Log: slog.New(slog.DiscardHandler),
		Bus: fakeBus{caller: scoped.Process{PID: pid, UID: os.Getuid()}}}
	return b, m, scoped.Request{Instance: "irc", Number: 3, PIDFD: pidfd, Limits: map[string]any{}}, kill
}

func TestBackendGetsTheScopeOfItsInstance(t *testing.T) {
	b, m, r, _ := asking(t)
	r.Limits = map[string]any{"MemoryMax": uint64(200 << 20), "CPUWeight": uint64(20), "TasksMaxScale": uint32(math.MaxUint32 / 2)}
	unit, err := b.EnterScope(context.Background(), ":1.5", r)
	if unit != "spectrum2-irc-backend-3.scope" || err != nil {
		t.Fatalf("%q, %v", unit, err)
	}
	made := m.made()
	if len(made) != 1 || made[0].Instance != "irc" || made[0].Number != 3 || made[0].PIDFD != r.PIDFD {
		t.Fatalf("made %+v", made)
	}
	var got []string
	for _, l := range made[0].Limits {
		got = append(got, l.Property)
	}
	if strings.Join(got, " ") != "CPUWeight MemoryMax TasksMaxScale" {
		t.Errorf("limits %v", made[0].Limits)
	}
}

func TestBrokerRefusesWhoeverIsNotTheInstances(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	other, otherFD, _ := child(t)
	dead, deadFD, kill := child(t)
	kill()
	for name, change := range map[string]func(*scoped.Broker, *fakeManager, *scoped.Request){
		"another user": func(b *scoped.Broker, _ *fakeManager, _ *scoped.Request) {
			b.Bus = fakeBus{caller: scoped.Process{PID: 1}}
			b.UID = 12345
		},
		"root":                func(b *scoped.Broker, _ *fakeManager, _ *scoped.Request) { b.UID = os.Getuid() + 1 },
		"no pidfd":            func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.PIDFD = int(null.Fd()) },
		"a closed descriptor": func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.PIDFD = 9999 },
		"an ended process": func(_ *scoped.Broker, m *fakeManager, r *scoped.Request) {
			r.PIDFD = deadFD
			m.units[dead] = "spectrum2@irc.service"
		},
		"a process elsewhere": func(_ *scoped.Broker, m *fakeManager, r *scoped.Request) {
			r.PIDFD = otherFD
			m.units[other] = "ssh.service"
		},
		"another instance": func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Instance = "xmpp" },
		"a backend": func(b *scoped.Broker, m *fakeManager, _ *scoped.Request) {
			p, _ := b.Bus.Caller(context.Background(), "")
			m.units[p.PID] = "spectrum2-irc-backend-1.scope"
		},
		"a name with a dash": func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Instance = "irc-backend" },
		"a path for a name":  func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Instance = "../irc" },
		"no name":            func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Instance = "" },
		"ExecStart":          func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["ExecStart"] = "x" },
		"Slice":              func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["Slice"] = "system.slice" },
		"a limit as text":    func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["MemoryMax"] = "200M" },
		"a share as number":  func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["MemoryMaxScale"] = uint64(5) },
		"a number as share":  func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["MemoryMax"] = uint32(1 << 30) },
		"a negative limit":   func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["TasksMax"] = int64(-1) },
		"too little memory":  func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["MemoryMax"] = uint64(1) },
		"too great a weight": func(_ *scoped.Broker, _ *fakeManager, r *scoped.Request) { r.Limits["CPUWeight"] = uint64(10001) },
	} {
		b, m, r, _ := asking(t)
		change(b, m, &r)
		unit, err := b.EnterScope(context.Background(), ":1.5", r)
		if !errors.As(err, new(scoped.Refused)) || unit != "" {
			t.Errorf("%s: %q, %v", name, unit, err)
		}
		if made := m.made(); len(made) != 0 {
			t.Errorf("%s: made %+v", name, made)
		}
	}
}

func TestFailuresAreNoGrants(t *testing.T) {
	for name, change := range map[string]func(*scoped.Broker, *fakeManager, func()){
		"the bus does not know the caller": func(b *scoped.Broker, _ *fakeManager, _ func()) { b.Bus = fakeBus{err: errors.New("gone")} },
		"a process in no unit":             func(_ *scoped.Broker, m *fakeManager, _ func()) { clear(m.units) },
		"the scope exists":                 func(_ *scoped.Broker, m *fakeManager, _ func()) { m.err = errors.New("unit exists") },
		"the process ends meanwhile":       func(_ *scoped.Broker, m *fakeManager, kill func()) { m.during = kill },
		"another process was moved":        func(_ *scoped.Broker, m *fakeManager, _ func()) { m.astray = true },
	} {
		b, m, r, kill := asking(t)
		change(b, m, kill)
		if unit, err := b.EnterScope(context.Background(), ":1.5", r); err == nil || unit != "" {
			t.Errorf("%s: %q, %v", name, unit, err)
		}
	}
}

func TestParsedLimitsPassTheBroker(t *testing.T) {
	limits, err := systemd.ParseLimits(map[string]string{"memory_max": "infinity", "memory_high": "1%", "tasks_max": "1", "cpu_weight": "idle"})
	if err != nil {
		t.Fatal(err)
	}
	b, _, r, _ := asking(t)
	for _, l := range limits {
		r.Limits[l.Property] = l.Value
	}
	if _, err := b.EnterScope(context.Background(), ":1.5", r); err != nil {
		t.Error(err)
	}
}
