// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strconv"
	"time"

	systemdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"spectrum.im/spectrum2/daemon/systemd"
)

const (
	// callTimeout is less than what callers wait for.
	callTimeout = 12 * time.Second
	// maxCalls are worked on at the same time.
	maxCalls = 16
	// maxStray is how many descriptors that nobody asked for may come in. The
	// bus library leaves them open, so a process that has seen more ends and is
	// started anew by the next call.
	maxStray = 64
)

// Run serves the system bus until ctx ends or nobody has asked for idle.
func Run(ctx context.Context, idle time.Duration, log *slog.Logger) error {
	uid, err := serviceUser()
	if err != nil {
		return err
	}
	manager, err := systemdbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to systemd: %w", err)
	}
	defer manager.Close()
	s := &Server{Broker: &Broker{UID: uid, Manager: systemManager{manager}, Log: log}, Idle: idle, Log: log,
		Notify: systemd.NewNotifier()}
	conn, err := dbus.ConnectSystemBus(dbus.WithIncomingInterceptor(s.Incoming))
	if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	s.Broker.Bus = systemBus{conn}
	return s.Serve(ctx, conn)
}

// serviceUser is the uid of the service's user.
func serviceUser() (int, error) {
	u, err := user.Lookup(systemd.User)
	if err != nil {
		return 0, fmt.Errorf("look up user %s: %w", systemd.User, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil || uid == 0 {
		return 0, fmt.Errorf("look up user %s: uid %q cannot be a service's", systemd.User, u.Uid)
	}
	return uid, nil
}

// Server offers a Broker on a bus.
type Server struct {
	Broker *Broker
	Idle   time.Duration
	Log    *slog.Logger
	Notify *systemd.Notifier

	gate gate
}

// Incoming counts the descriptors of every message that comes in; it is given
// to the library when the connection is made.
func (s *Server) Incoming(m *dbus.Message) {
	if n, ok := m.Headers[dbus.FieldUnixFDs].Value().(uint32); ok {
		s.gate.descriptors(int(n))
	}
}

// Serve owns the broker's name on conn until ctx ends, the connection breaks,
// or nobody has asked for the time of Idle. Calls that are being worked on are
// finished first.
func (s *Server) Serve(ctx context.Context, conn *dbus.Conn) error {
	s.gate.init()
	if err := conn.Export(object{s, conn}, systemd.BrokerPath, systemd.BrokerInterface); err != nil {
		return fmt.Errorf("offer %s: %w", systemd.BrokerInterface, err)
	}
	reply, err := conn.RequestName(systemd.BrokerName, dbus.NameFlagDoNotQueue)
	if err != nil {
		return fmt.Errorf("take name %s: %w", systemd.BrokerName, err)
	}
	if reply != dbus.RequestNameReplyPrimaryOwner {
		return fmt.Errorf("take name %s: somebody else has it", systemd.BrokerName)
	}
	s.tell(s.Notify.Ready())
	why := s.wait(ctx, conn)
	// STOPPING=1 first: from then on systemd queues a new start for a call
	// that arrives too late for this process.
	s.tell(s.Notify.Stopping())
	if _, err := conn.ReleaseName(systemd.BrokerName); err != nil && why == nil {
		why = fmt.Errorf("give name back: %w", err)
	}
	s.gate.drain()
	return why
}

// wait returns when serving has to end.
func (s *Server) wait(ctx context.Context, conn *dbus.Conn) error {
	for {
		t := time.NewTimer(s.Idle)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-conn.Context().Done():
			t.Stop()
			return errors.New("the bus closed the connection")
		case <-s.gate.tooMany:
			t.Stop()
			return errors.New("ending: too many descriptors that nobody asked for")
		case <-s.gate.used:
			t.Stop()
		case <-t.C:
			if s.gate.idle() {
				return nil
			}
		}
	}
}

func (s *Server) tell(err error) {
	if err != nil {
		s.Log.Warn("cannot notify systemd", "error", err)
	}
}
