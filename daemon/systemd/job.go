// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"
)

const (
	managerName = "org.freedesktop.systemd1"
	managerPath = "/org/freedesktop/systemd1"
)

// JobOfUnit is the kind of the job that systemd is working on for a unit:
// "restart", "stop", "start", …, or "" when there is none (somebody sent the
// signal by hand). At SIGTERM it tells a restart, which leaves the backends
// alone, from a stop. The caller gives a deadline of a second or two and takes
// an error, which without a bus comes at once, as a stop.
func JobOfUnit(ctx context.Context, unit string) (kind string, err error) {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	kind, err = jobOfUnit(ctx, conn, unit)
	if err != nil {
		return "", fmt.Errorf("look up the job of %s: %w", unit, err)
	}
	return kind, nil
}

func jobOfUnit(ctx context.Context, conn *dbus.Conn, unit string) (string, error) {
	var path dbus.ObjectPath
	manager := conn.Object(managerName, managerPath)
	if err := manager.CallWithContext(ctx, managerName+".Manager.GetUnit", 0, unit).Store(&path); err != nil {
		return "", err
	}
	var job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	if err := property(ctx, conn.Object(managerName, path), managerName+".Unit", "Job", &job); err != nil {
		return "", err
	}
	if job.ID == 0 {
		return "", nil
	}
	var kind string
	err := property(ctx, conn.Object(managerName, job.Path), managerName+".Job", "JobType", &kind)
	return kind, err
}

// property reads one property of a bus object.
func property(ctx context.Context, o dbus.BusObject, iface, name string, to any) error {
	var v dbus.Variant
	err := o.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&v)
	if err != nil {
		return err
	}
	return dbus.Store([]any{v.Value()}, to)
}
