// SPDX-License-Identifier: GPL-2.0-or-later

// Package units is systemd as spectrumctl sees it: the units of the
// instances, over D-Bus. Nothing is parsed from a program's output. It knows
// neither configuration files nor the control socket.
package units

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"spectrum.im/spectrum2/daemon/systemd"
)

// ErrNoSystemd: this system was not started by systemd.
var ErrNoSystemd = errors.New("systemd does not run this system")

// ErrNotPermitted: systemd, or polkit for it, refused the caller.
var ErrNotPermitted = errors.New("systemd does not permit you that")

const busAddress = "unix:path=/run/dbus/system_bus_socket"

// Instance is the instance's name in the name of its service, "" for another
// unit or for the template itself.
func Instance(unit string) string {
	prefix, suffix, _ := strings.Cut(systemd.ServiceUnit("\x00"), "\x00")
	name, ok := strings.CutPrefix(unit, prefix)
	if !ok {
		return ""
	}
	if name, ok = strings.CutSuffix(name, suffix); !ok {
		return ""
	}
	return name
}

// Manager is a connection with systemd. Close it.
type Manager struct{ conn *sd.Conn }

// Connect connects over the system bus, and as root without a bus directly.
// root is put before the paths of the system, "" outside tests; getenv reads
// DBUS_SYSTEM_BUS_ADDRESS. The error is ErrNoSystemd where there is none.
func Connect(ctx context.Context, root string, getenv func(string) string) (*Manager, error) {
	if _, err := os.Lstat(filepath.Join(root, "/run/systemd/system")); err != nil {
		return nil, ErrNoSystemd
	}
	address := getenv("DBUS_SYSTEM_BUS_ADDRESS")
	if address == "" {
		address = busAddress
	}
	conn, err := sd.NewConnection(func() (*dbus.Conn, error) { return dial(ctx, address) })
	if err != nil && os.Geteuid() == 0 && root == "" {
		conn, err = sd.NewSystemdConnectionContext(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to systemd over D-Bus: %w", err)
	}
	return &Manager{conn}, nil
}

// dial makes one connection that has said Hello. The connection is not bound
// to ctx, which only ends the calls.
func dial(ctx context.Context, address string) (*dbus.Conn, error) {
	conn, err := dbus.Dial(address, dbus.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err != nil {
		conn.Close()
		return nil, err
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Close ends the connection.
func (m *Manager) Close() { m.conn.Close() }

// DaemonReload makes systemd run its generators and read its units again.
func (m *Manager) DaemonReload(ctx context.Context) error {
	return classify(m.conn.ReloadContext(ctx))
}

// Enable makes the instance start at boot, and reports whether that is new.
func (m *Manager) Enable(ctx context.Context, instance string) (bool, error) {
	_, changes, err := m.conn.EnableUnitFilesContext(ctx, []string{systemd.ServiceUnit(instance)}, false, false)
	return len(changes) > 0, classify(err)
}

// Disable makes the instance and these sockets of it stay down at boot, and
// reports whether that is new.
func (m *Manager) Disable(ctx context.Context, instance string, sockets []string) (bool, error) {
	list := append([]string{systemd.ServiceUnit(instance)}, sockets...)
	changes, err := m.conn.DisableUnitFilesContext(ctx, list, false)
	return len(changes) > 0, classify(err)
}

// EnableSockets makes sockets listen from boot on, and reports whether that is
// new. The first connection starts their instance.
func (m *Manager) EnableSockets(ctx context.Context, sockets []string) (bool, error) {
	_, changes, err := m.conn.EnableUnitFilesContext(ctx, sockets, false, false)
	return len(changes) > 0, classify(err)
}

// AnyEnabled reports whether one of the sockets listens from boot on.
func (m *Manager) AnyEnabled(ctx context.Context, sockets []string) bool {
	for _, unit := range sockets {
		if p, err := m.conn.GetAllPropertiesContext(ctx, unit); err == nil && text(p["UnitFileState"]) == "enabled" {
			return true
		}
	}
	return false
}

// classify makes a refusal of D-Bus or polkit an ErrNotPermitted.
func classify(err error) error {
	var e dbus.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case "org.freedesktop.DBus.Error.AccessDenied",
		"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
		"org.freedesktop.DBus.Error.AuthFailed":
		return fmt.Errorf("%w (%s)", ErrNotPermitted, e.Error())
	}
	return err
}
