// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// The broker on the system bus (spectrum2-scoped).
const (
	BrokerName      = "im.spectrum.Spectrum2.Scoped1"
	BrokerInterface = "im.spectrum.Spectrum2.Scoped1"
	BrokerPath      = dbus.ObjectPath("/im/spectrum/Spectrum2/Scoped1")
	// BrokerMethod (s instance, u number, h pidfd, a{sv} limits) → s unit.
	BrokerMethod = "EnterScope"
)

// EnterScope moves this process into the scope of an instance's backend and
// returns when it is there. The broker refuses everybody but a process of that
// instance's service, and a number whose scope still exists.
func EnterScope(ctx context.Context, instance string, number int, limits []Limit) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	err = enterScope(ctx, conn, instance, number, limits)
	if lost(err) { // the broker ended in between; a new one is started for the call
		err = enterScope(ctx, conn, instance, number, limits)
	}
	if err != nil && OwnUnit() == ScopeUnit(instance, number) {
		return nil // it was done, only the answer was lost
	}
	return err
}

// lost reports whether a call's answer got lost rather than refused.
func lost(err error) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == "org.freedesktop.DBus.Error.NoReply"
}

func enterScope(ctx context.Context, conn *dbus.Conn, instance string, number int, limits []Limit) error {
	if number < 0 || int64(number) > 1<<32-1 {
		return fmt.Errorf("%d cannot be a backend's number", number)
	}
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("open own pidfd: %w", err)
	}
	defer unix.Close(pidfd)
	args := map[string]dbus.Variant{}
	for _, l := range limits {
		args[l.Property] = dbus.MakeVariant(l.Value)
	}
	var unit string
	err = conn.Object(BrokerName, BrokerPath).CallWithContext(ctx, BrokerInterface+"."+BrokerMethod, 0,
		instance, uint32(number), dbus.UnixFD(pidfd), args).Store(&unit)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("ask %s for a scope: no answer in time", BrokerName)
	}
	if err != nil {
		return fmt.Errorf("ask %s for a scope: %w", BrokerName, err)
	}
	return nil
}
