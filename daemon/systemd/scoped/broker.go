// SPDX-License-Identifier: GPL-2.0-or-later

// Package scoped is the broker that puts a backend into its scope. Making a
// scope is root's, and polkit cannot tell one unit from another there; so this
// is one narrow method that root's process offers on the system bus. It decides
// by itself whom to serve, composes every name itself, and passes nothing on
// that is not on a list. It knows nothing of instances but how they are called.
package scoped

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// Process is a process as the kernel tells it.
type Process struct{ PID, UID int }

// Bus says who a connection of the bus is.
type Bus interface {
	Caller(ctx context.Context, sender string) (Process, error)
}

// Manager is systemd.
type Manager interface {
	// UnitOf is the unit that systemd counts a process to.
	UnitOf(ctx context.Context, pid int) (string, error)
	// StartScope makes the scope and returns when its job is done.
	StartScope(ctx context.Context, s Scope) error
}

// Broker decides about requests. Its methods may be called concurrently.
type Broker struct {
	// UID is the service's user.
	UID     int
	Bus     Bus
	Manager Manager
	Log     *slog.Logger
}

// Request asks for the scope of one backend. PIDFD stays the caller's.
type Request struct {
	Instance string
	Number   uint32
	PIDFD    int
	Limits   map[string]any
}

// Refused is the error for who may not have what he asks for.
type Refused struct{ Reason string }

func (r Refused) Error() string { return "refused: " + r.Reason }

// refuse makes the error.
func refuse(format string, args ...any) error { return Refused{fmt.Sprintf(format, args...)} }

// EnterScope moves the process into the scope that belongs to instance and
// number, and returns the scope's name.
func (b *Broker) EnterScope(ctx context.Context, sender string, r Request) (string, error) {
	if err := config.CheckInstanceName(r.Instance); err != nil {
		return "", refuse("%v", err)
	}
	limits, err := allowed(r.Limits)
	if err != nil {
		return "", err
	}
	p, err := b.check(ctx, sender, r)
	if err != nil {
		return "", err
	}
	s := Scope{Instance: r.Instance, Number: int(r.Number), PID: p.PID, PIDFD: r.PIDFD, Limits: limits}
	start := time.Now()
	if err := b.Manager.StartScope(ctx, s); err != nil {
		return "", fmt.Errorf("make %s: %w", s.Unit(), err)
	}
	if err := b.arrived(ctx, s); err != nil {
		return "", err
	}
	b.Log.Info("made scope", "unit", s.Unit(), "pid", p.PID, "took", time.Since(start).Round(time.Millisecond))
	return s.Unit(), nil
}

// check lets pass only the service user's processes that systemd counts to the
// instance's service: the caller, and the process that is to be moved.
func (b *Broker) check(ctx context.Context, sender string, r Request) (Process, error) {
	caller, err := b.Bus.Caller(ctx, sender)
	if err != nil {
		return Process{}, fmt.Errorf("look up caller: %w", err)
	}
	if caller.UID != b.UID {
		return Process{}, refuse("only user %s may ask", systemd.User)
	}
	p, err := processOf(r.PIDFD)
	if err != nil {
		return Process{}, err
	}
	if p.UID != b.UID {
		return Process{}, refuse("process %d is not user %s's", p.PID, systemd.User)
	}
	service := systemd.ServiceUnit(r.Instance)
	for _, pid := range []int{caller.PID, p.PID} {
		unit, err := b.Manager.UnitOf(ctx, pid)
		if err != nil {
			return Process{}, fmt.Errorf("look up unit of process %d: %w", pid, err)
		}
		if unit != service {
			return Process{}, refuse("process %d belongs to %s, not to %s", pid, unit, service)
		}
	}
	// Only now is it certain that p.PID was this process all the time.
	return p, alive(r.PIDFD)
}

// arrived makes sure that it was this process that was moved: where systemd
// takes numbers only, the process may have died and another have its number.
func (b *Broker) arrived(ctx context.Context, s Scope) error {
	if err := alive(s.PIDFD); err != nil {
		return err
	}
	unit, err := b.Manager.UnitOf(ctx, s.PID)
	if err != nil {
		return fmt.Errorf("look up unit of process %d: %w", s.PID, err)
	}
	if unit != s.Unit() {
		return fmt.Errorf("process %d is in %s after the job for %s was done", s.PID, unit, s.Unit())
	}
	return nil
}
