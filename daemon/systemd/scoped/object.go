// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"context"
	"errors"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"spectrum.im/spectrum2/daemon/systemd"
)

// Errors that a caller can tell apart.
const (
	errorRefused = systemd.BrokerInterface + ".Error.Refused"
	errorFailed  = systemd.BrokerInterface + ".Error.Failed"
)

// object is what the bus sees: its exported method is the interface.
type object struct {
	server *Server
	conn   *dbus.Conn
}

// EnterScope (s instance, u number, h pidfd, a{sv} limits) → s unit.
func (o object) EnterScope(sender dbus.Sender, instance string, number uint32, pidfd dbus.UnixFD,
	limits map[string]dbus.Variant) (string, *dbus.Error) {
	defer o.server.gate.descriptors(-1)
	defer unix.Close(int(pidfd))
	ctx, cancel := context.WithTimeout(o.conn.Context(), callTimeout)
	defer cancel()
	if err := o.server.gate.enter(ctx); err != nil {
		return "", dbus.NewError(errorFailed, []any{"too many calls at a time"})
	}
	defer o.server.gate.leave()
	r := Request{Instance: instance, Number: number, PIDFD: int(pidfd), Limits: map[string]any{}}
	for name, v := range limits {
		r.Limits[name] = v.Value()
	}
	unit, err := o.server.Broker.EnterScope(ctx, string(sender), r)
	if err == nil {
		return unit, nil
	}
	o.server.Log.Warn("made no scope", "instance", instance, "number", number, "sender", string(sender), "error", err)
	name := errorFailed
	if errors.As(err, new(Refused)) {
		name = errorRefused
	}
	return "", dbus.NewError(name, []any{err.Error()})
}
