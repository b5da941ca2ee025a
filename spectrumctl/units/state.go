// SPDX-License-Identifier: GPL-2.0-or-later

package units

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"spectrum.im/spectrum2/daemon/systemd"
)

// exitConfig is EX_CONFIG of sysexits.h, spectrum2's status for a broken
// configuration.
const exitConfig = 78

// State is what systemd knows of an instance.
type State struct {
	// Load is systemd's LoadState: loaded; not-found where the template unit is
	// not installed; masked, bad-setting, error.
	Load string
	// Active is systemd's ActiveState: active, reloading, inactive, failed,
	// activating, deactivating.
	Active string
	// Retrying: it failed, and systemd will start it again in a moment.
	Retrying bool
	// Result says why the service failed: "exit-code", "timeout", …
	Result string
	// ExitStatus is the main process's last one.
	ExitStatus int
	// Text is what the service said in STATUS=.
	Text string
	// Since is when it became active; zero while it is not.
	Since time.Time
	PID   int
	// Invocation is the id of its last start, in hex, "" before the first.
	Invocation string
	// Enabled: it starts at boot.
	Enabled bool
	// Memory is the slice's in bytes, 0 where it is not counted.
	// MemoryMax is its limit, 0 for none.
	Memory, MemoryMax uint64
}

// Running reports whether the service is there, or on its way.
func (s State) Running() bool {
	return slices.Contains([]string{"active", "reloading", "activating", "deactivating"}, s.Active)
}

// Reachable reports whether it answers on its control socket: before and
// after, a connection would start it, or wait.
func (s State) Reachable() bool { return s.Active == "active" || s.Active == "reloading" }

// State asks for one instance.
func (m *Manager) State(ctx context.Context, instance string) (State, error) {
	p, err := m.conn.GetAllPropertiesContext(ctx, systemd.ServiceUnit(instance))
	if err != nil {
		return State{}, fmt.Errorf("ask systemd for %s: %w", systemd.ServiceUnit(instance), classify(err))
	}
	s := State{
		Load:       text(p["LoadState"]),
		Active:     text(p["ActiveState"]),
		Result:     text(p["Result"]),
		Text:       text(p["StatusText"]),
		Enabled:    text(p["UnitFileState"]) == "enabled",
		ExitStatus: int(number[int32](p["ExecMainStatus"])),
		PID:        int(number[uint32](p["MainPID"])),
		Retrying:   text(p["SubState"]) == "auto-restart",
		Invocation: hex(p["InvocationID"]),
	}
	if us := number[uint64](p["ActiveEnterTimestamp"]); us != 0 && s.Reachable() {
		s.Since = time.UnixMicro(int64(us))
	}
	if s.Running() {
		s.Memory, s.MemoryMax = m.memory(ctx, instance)
	}
	return s, nil
}

// UnitActive reports whether a unit of any kind is active.
func (m *Manager) UnitActive(ctx context.Context, unit string) (bool, error) {
	p, err := m.conn.GetAllPropertiesContext(ctx, unit)
	if err != nil {
		return false, fmt.Errorf("ask systemd for %s: %w", unit, classify(err))
	}
	return text(p["ActiveState"]) == "active", nil
}

// memory reads the slice's. Its absence is no error: accounting may be off.
func (m *Manager) memory(ctx context.Context, instance string) (current, limit uint64) {
	p, err := m.conn.GetUnitTypePropertiesContext(ctx, systemd.SliceUnit(instance), "Slice")
	if err != nil {
		return 0, 0
	}
	return finite(number[uint64](p["MemoryCurrent"])), finite(number[uint64](p["MemoryMax"]))
}

// finite turns systemd's "not set" and "infinity" into 0.
func finite(n uint64) uint64 {
	if n == math.MaxUint64 {
		return 0
	}
	return n
}

// Known lists the instances that systemd has loaded or enabled, whether or not
// they have a file.
func (m *Manager) Known(ctx context.Context) ([]string, error) {
	pattern := []string{systemd.ServiceUnit("*")}
	loaded, err := m.conn.ListUnitsByPatternsContext(ctx, nil, pattern)
	if err != nil {
		return nil, fmt.Errorf("ask systemd for the instances: %w", classify(err))
	}
	files, err := m.conn.ListUnitFilesByPatternsContext(ctx, nil, pattern)
	if err != nil {
		return nil, fmt.Errorf("ask systemd for the enabled instances: %w", classify(err))
	}
	return names(loaded, files), nil
}

func names(loaded []sd.UnitStatus, files []sd.UnitFile) []string {
	var list []string
	for _, u := range loaded {
		// "not-found" and "inactive" are left over from somebody asking.
		if u.ActiveState != "inactive" {
			list = append(list, Instance(u.Name))
		}
	}
	for _, f := range files {
		if f.Type == "enabled" {
			list = append(list, Instance(path.Base(f.Path)))
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// hex writes an id as the journal does, "" for none.
func hex(v any) string {
	b, _ := v.([]byte)
	if len(bytes.Trim(b, "\x00")) == 0 {
		return ""
	}
	return fmt.Sprintf("%x", b)
}

func number[T int32 | uint32 | uint64](v any) T {
	n, _ := v.(T)
	return n
}

// Why says in a few words how the service failed.
func (s State) Why() string {
	switch s.Result {
	case "exit-code":
		if s.ExitStatus == exitConfig {
			return "its configuration is broken"
		}
		return "it ended with exit status " + strconv.Itoa(s.ExitStatus)
	case "signal", "core-dump":
		return "it was ended by signal " + strconv.Itoa(s.ExitStatus)
	case "timeout":
		return "it took longer than systemd waits"
	case "watchdog":
		return "it hung, and the watchdog ended it"
	case "start-limit-hit":
		return "it was started too often in a short time"
	case "oom-kill":
		return "it ran out of memory"
	case "resources":
		return "the system could not give it what it needs"
	}
	return "result " + s.Result
}
