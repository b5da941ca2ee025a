// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"context"
	"errors"
	"fmt"

	systemdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// systemManager is the Manager on the system bus.
type systemManager struct{ conn *systemdbus.Conn }

func (m systemManager) UnitOf(ctx context.Context, pid int) (string, error) {
	return m.conn.GetUnitNameByPID(ctx, uint32(pid))
}

// StartScope tries what newer versions know first. systemd 252 knows neither
// PIDFDs= (it takes numbers) nor OOMPolicy= on a scope, and calls a property
// that it does not know read-only.
func (m systemManager) StartScope(ctx context.Context, s Scope) error {
	tries := [][]Property{
		{{"PIDFDs", []dbus.UnixFD{dbus.UnixFD(s.PIDFD)}}, {"OOMPolicy", "kill"}},
		{{"PIDs", []uint32{uint32(s.PID)}}, {"OOMPolicy", "kill"}},
		{{"PIDs", []uint32{uint32(s.PID)}}},
	}
	var err error
	for _, extra := range tries {
		if err = m.start(ctx, s.Unit(), append(s.properties(), extra...)); !unknownProperty(err) {
			return err
		}
	}
	return err
}

// start runs one job to its end.
func (m systemManager) start(ctx context.Context, unit string, properties []Property) error {
	list := make([]systemdbus.Property, len(properties))
	for i, p := range properties {
		list[i] = systemdbus.Property{Name: p.Name, Value: dbus.MakeVariant(p.Value)}
	}
	done := make(chan string, 1) // the library sends under a lock
	if _, err := m.conn.StartTransientUnitContext(ctx, unit, "fail", list, done); err != nil {
		return err
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("systemd's job ended as %q", result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for systemd's job: %w", context.Cause(ctx))
	}
}

// unknownProperty tells "this systemd does not know that" from other errors.
func unknownProperty(err error) bool {
	var e dbus.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Name == "org.freedesktop.DBus.Error.PropertyReadOnly" ||
		e.Name == "org.freedesktop.DBus.Error.UnknownProperty"
}

// systemBus is the Bus behind a connection.
type systemBus struct{ conn *dbus.Conn }

func (b systemBus) Caller(ctx context.Context, sender string) (Process, error) {
	var c map[string]dbus.Variant
	err := b.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionCredentials", 0, sender).Store(&c)
	if err != nil {
		return Process{}, err
	}
	uid, ok1 := c["UnixUserID"].Value().(uint32)
	pid, ok2 := c["ProcessID"].Value().(uint32)
	if !ok1 || !ok2 {
		return Process{}, errors.New("the bus does not tell the caller's user and process")
	}
	return Process{PID: int(pid), UID: int(uid)}, nil
}
