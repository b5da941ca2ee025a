// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// line is the way to the users' clients: the link with an XMPP server in
// gateway mode, the clients' own connections in server mode.
type line interface {
	Run(ctx context.Context) error
	Send(ctx context.Context, st *xmpp.Element) error
}

var _ line = (*component.Component)(nil)

// serverSide is server mode's line: clients connect to the instance itself.
// Users are in houses, one for each who is logged in.
type serverSide struct {
	*Instance
	wire  *server.Server
	certs *certificate.Store
	caps  *clients.Caps

	// logins counts handshakes with a password; tidied is how many there were
	// at the last look, and untidy says that memory was not given back since.
	// Both are the main loop's.
	logins atomic.Uint64
	tidied uint64
	untidy bool

	mu     sync.Mutex
	houses map[string]*house
	// bound are the addresses listened on, for people.
	bound []string
}

// newServerSide reads the certificate, and makes one where there is none.
func newServerSide(i *Instance, cfg *config.Config) (*serverSide, error) {
	log := i.logs.Logger("server")
	certs, err := certificate.Open(certificateOptions(cfg, log))
	if err != nil {
		return nil, broken(cfg, err)
	}
	s := &serverSide{Instance: i, certs: certs, caps: clients.NewCaps(), houses: map[string]*house{}}
	s.wire = server.New(server.Options{Domain: i.jid, TLS: certs.Config(), Handler: s, Limits: clientLimits(cfg), Features: s.streamFeatures, Log: log})
	return s, nil
}

// streamFeatures are what clients are offered besides the stream's own: the
// server's capabilities and roster versions (XEP-0115 §6.3, RFC 6121 §2.6).
func (s *serverSide) streamFeatures() []*xmpp.Element {
	return []*xmpp.Element{s.sessionSettings().Caps, xmpp.New(rosteritem.NSVersioning, "ver")}
}

func certificateOptions(cfg *config.Config, log *slog.Logger) certificate.Options {
	return certificate.Options{
		Domain: cfg.Service.JID, CertFile: cfg.Service.Cert, KeyFile: cfg.Service.Key, Password: cfg.Service.CertPassword,
		SelfSigned: filepath.Join(cfg.Service.WorkingDir, "selfsigned.pem"), Log: log,
	}
}

// clientLimits are the configuration's bounds on clients.
func clientLimits(cfg *config.Config) server.Limits {
	return server.Limits{Sessions: cfg.Service.MaxSessions, PerAddress: cfg.Service.MaxSessionsPerAddress}
}

// shutdownTime bounds the goodbyes to clients.
const shutdownTime = 5 * time.Second

// Run listens for clients until ctx ends, and then ends every stream in order.
func (s *serverSide) Run(ctx context.Context) error {
	listeners, err := s.listeners(s.Config())
	if err != nil {
		return err
	}
	s.spawn(s.certs.Watch)
	s.spawn(s.purge)
	serve, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, len(listeners))
	var served sync.WaitGroup
	for _, l := range listeners {
		served.Go(func() {
			if err := s.wire.Serve(serve, l.Listener, l.kind); err != nil && serve.Err() == nil {
				failed <- fmt.Errorf("serve clients on %s: %w", l.Addr(), err)
			}
		})
	}
	s.listening(listeners)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	s.wire.Shutdown(bye, xmpp.SystemShutdown, "The server is being stopped")
	stop()
	served.Wait()
	return err
}

// listening tells the rest of the instance that clients can come.
func (s *serverSide) listening(listeners []clientListener) {
	var addrs []string
	for _, l := range listeners {
		addrs = append(addrs, l.Addr().String()+" "+string(l.kind))
	}
	s.mu.Lock()
	s.bound = addrs
	s.mu.Unlock()
	s.linkState.Store(&component.State{Connected: true, Addr: strings.Join(addrs, ", "), Text: "listening"})
	s.linkUp.Store(true)
	s.linkedOnce.Do(func() { close(s.linked) })
	s.poke()
}

// tidy gives memory back to the system when a wave of logins is over: handshakes
// leave much behind, and idle clients would never make the collector run. The
// main loop calls it every second.
func (s *serverSide) tidy() {
	switch n := s.logins.Load(); {
	case n != s.tidied:
		s.tidied, s.untidy = n, true
	case s.untidy:
		s.untidy = false
		s.spawn(func(context.Context) { debug.FreeOSMemory() })
	}
}

// boundTo are the addresses that clients can connect to.
func (s *serverSide) boundTo() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound
}

// clientListener is a listener with what is spoken on it.
type clientListener struct {
	net.Listener
	kind server.Kind
}

// listeners are systemd's sockets, and our own where it gave none.
func (s *serverSide) listeners(cfg *config.Config) ([]clientListener, error) {
	var out []clientListener
	for _, want := range []struct {
		name string
		port int
		kind server.Kind
	}{
		{systemd.SocketClient, cfg.Service.Port, server.StartTLS},
		{systemd.SocketClientTLS, cfg.Service.TLSPort, server.DirectTLS},
		{systemd.SocketClientWebSocket, cfg.Service.WebSocketPort, server.WebSocket},
	} {
		if want.port == 0 {
			continue
		}
		if given := s.given(want.name, want.port); len(given) > 0 {
			for _, l := range given {
				out = append(out, clientListener{l, want.kind})
			}
			continue
		}
		if s.inService() {
			s.log.Warn("systemd gave no socket for clients, making one: run systemctl daemon-reload", "socket", want.name, "port", want.port)
		}
		l, err := new(net.ListenConfig).Listen(s.ctx, "tcp", net.JoinHostPort(strings.Trim(cfg.Service.Server, "[]"), strconv.Itoa(want.port)))
		if err != nil {
			for _, l := range out {
				err = errors.Join(err, l.Close())
			}
			return nil, fmt.Errorf("listen for clients: %w", err)
		}
		out = append(out, clientListener{l, want.kind})
	}
	return out, nil
}

// given are systemd's sockets with this name that are on the configured port;
// a socket unit made from an older configuration is on another.
func (s *serverSide) given(name string, port int) []net.Listener {
	var out []net.Listener
	for _, l := range s.opts.Inherited.Listeners[name] {
		if a, ok := l.Addr().(*net.TCPAddr); ok && a.Port == port {
			out = append(out, l)
			continue
		}
		s.log.Warn("systemd's socket is not on the configured port: run systemctl daemon-reload", "socket", name, "address", l.Addr().String(), "port", port)
		if err := l.Close(); err != nil {
			s.log.Warn("socket not closed", "socket", name, "err", err)
		}
	}
	return out
}

// Send hands a stanza of the transport's own to the clients of the user that it
// is for. Sessions have their own way to theirs: frontDoor.
func (s *serverSide) Send(ctx context.Context, st *xmpp.Element) error {
	to, err := xmpp.ParseJID(st.Get("to"))
	if err != nil {
		return fmt.Errorf("send to %q: %w", st.Get("to"), err)
	}
	h := s.house(to.Bare().String())
	if h == nil || !closed(h.made) || h.clients == nil {
		return component.ErrDown
	}
	return h.clients.Send(ctx, st)
}

// reload takes over what the configuration says anew. With an error everything
// stays as it was.
func (s *serverSide) reload(cfg *config.Config) error {
	if err := s.certs.Use(certificateOptions(cfg, s.logs.Logger("server"))); err != nil {
		return broken(cfg, err)
	}
	s.wire.SetLimits(clientLimits(cfg))
	s.review(cfg)
	for _, h := range s.all() {
		if h.services != nil {
			h.services.SetArchive(cfg.Archive.Days, cfg.Archive.Rooms)
		}
	}
	return nil
}

// broken is a certificate that cannot be used as a mistake in the configuration,
// which it is: starting again would not mend it.
func broken(cfg *config.Config, err error) error {
	return config.Errors{{File: cfg.File, Key: "service.cert", Text: err.Error()}}
}

// purge removes from all archives, once a day, what is too old to be kept.
func (s *serverSide) purge(ctx context.Context) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		if n, err := personal.Purge(ctx, s.store, s.Config().Archive.Days); err != nil && ctx.Err() == nil {
			s.log.Warn("old messages not removed from the archives", "err", err)
		} else if n > 0 {
			s.log.Info("old messages removed from the archives", "count", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// house is the user's, nil if he is not logged in.
func (s *serverSide) house(user string) *house {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.houses[user]
}

// all are the houses there are, in no order.
func (s *serverSide) all() []*house {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*house, 0, len(s.houses))
	for _, h := range s.houses {
		if closed(h.made) && h.clients != nil {
			out = append(out, h)
		}
	}
	return out
}
