// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"spectrum.im/spectrum2/daemon/config"
)

const (
	// loopback is the only address for backends that need TCP.
	loopback = "127.0.0.1"
	// maxStrangers bounds how many connections are being looked at.
	maxStrangers = 32
	// strangersBurst is how many strangers are logged at once, and then one a
	// second: any local user can knock.
	strangersBurst = 20
)

// door is where backends connect: the unix socket, and TCP once a backend that
// needs it is started. Whoever comes is a stranger until proven a backend.
type door struct {
	m    *Manager
	key  []byte
	unix net.Listener
	// made is the path of a socket that is ours to remove, "" for systemd's.
	made string
	// looking bounds the strangers.
	looking chan struct{}
	// logging bounds the lines about strangers.
	logging *rate.Limiter
	ctx     context.Context //nolint:containedctx // the door's own life, ended by close
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	tcp      net.Listener
	closed   bool
	unlogged int // strangers since the last one that was logged
}

// openDoor listens on the unix socket.
func openDoor(m *Manager, key []byte) (*door, error) {
	d := &door{m: m, key: key, unix: m.o.Listener, looking: make(chan struct{}, maxStrangers), logging: rate.NewLimiter(1, strangersBurst)}
	if d.unix == nil {
		if err := d.listen(filepath.Join(m.o.RuntimeDir, "backend.sock")); err != nil {
			return nil, err
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.wg.Go(func() { d.accept(d.unix, d.meetUnix) })
	return d, nil
}

// listen makes a socket of our own, in place of what an earlier run left.
func (d *door) listen(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove old socket for backends: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen for backends: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close() //nolint:errcheck // the first error counts
		return fmt.Errorf("listen for backends: %w", err)
	}
	d.unix, d.made = l, path
	return nil
}

// socket is the unix socket's path.
func (d *door) socket() string {
	if d.made != "" {
		return d.made
	}
	return d.unix.Addr().String()
}

// tcpPort listens on TCP if that is not done yet, and gives the port.
func (d *door) tcpPort(s config.Service) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return "", ErrStopped
	}
	if d.tcp == nil {
		if s.BackendHost != loopback && s.BackendHost != "localhost" && s.BackendHost != "" {
			d.m.o.Log.Warn("service.backend_host is not used: backends connect on this machine only", "value", s.BackendHost, "instead", loopback)
		}
		l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(s.BackendPort)))
		if err != nil {
			return "", fmt.Errorf("listen for backends: %w", err)
		}
		d.tcp = l
		d.wg.Go(func() { d.accept(l, d.meetTCP) })
	}
	return strconv.Itoa(d.tcp.Addr().(*net.TCPAddr).Port), nil
}

// close stops listening and waits for all who are being looked at.
func (d *door) close() {
	d.cancel()
	d.mu.Lock()
	d.closed = true
	listeners := []net.Listener{d.unix, d.tcp}
	d.mu.Unlock()
	for _, l := range listeners {
		if l != nil {
			l.Close() //nolint:errcheck // nothing to lose
		}
	}
	d.wg.Wait()
}

// accept meets each connection in a goroutine of its own.
func (d *door) accept(l net.Listener, meet func(net.Conn) error) {
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		if d.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			if err == nil {
				nc.Close() //nolint:errcheck // never used
			}
			return
		}
		if err != nil { // out of descriptors, most likely: that passes
			pause = min(max(2*pause, 10*time.Millisecond), time.Second)
			d.m.o.Log.Error("backends cannot connect", "error", err, "retry_in", pause)
			wait(d.ctx.Done(), pause)
			continue
		}
		pause = 0
		select {
		case d.looking <- struct{}{}:
			d.wg.Go(func() {
				defer func() { <-d.looking }()
				d.meet(nc, meet)
			})
		default:
			d.turnAway(nc, errors.New("too many are waiting to be recognised"))
		}
	}
}

// meet finds out who a connection is from, and closes a stranger's.
func (d *door) meet(nc net.Conn, meet func(net.Conn) error) {
	stop := context.AfterFunc(d.ctx, func() { nc.Close() }) //nolint:errcheck // never used
	defer stop()
	if err := meet(nc); err != nil {
		d.turnAway(nc, err)
	}
}

// turnAway closes a connection; why says whose it was or what was wrong.
func (d *door) turnAway(nc net.Conn, why error) {
	nc.Close() //nolint:errcheck // never used
	if !d.logging.Allow() {
		d.mu.Lock()
		d.unlogged++
		d.mu.Unlock()
		return
	}
	d.mu.Lock()
	more := d.unlogged
	d.unlogged = 0
	d.mu.Unlock()
	d.m.o.Log.Warn("stranger is turned away", "listener", nc.LocalAddr().String(), "error", why, "others_not_logged", more)
}

// owner is the backend that pid belongs to, itself or through its ancestors;
// nil if it is none of ours.
func (d *door) owner(pid int) *backend {
	for _, b := range d.m.launchedBackends(d.ctx) {
		if descends(pid, b.proc.PID()) {
			return b
		}
	}
	return nil
}

// launchedBackends are the backends with a process. It waits for those that
// are just being started: a process may connect before its start returned.
func (m *Manager) launchedBackends(ctx context.Context) []*backend {
	m.mu.Lock()
	all := make([]*backend, 0, len(m.backends))
	for _, b := range m.backends {
		all = append(all, b)
	}
	m.mu.Unlock()
	var out []*backend
	for _, b := range all {
		select {
		case <-b.isLaunched:
		case <-ctx.Done():
			return nil
		}
		if b.proc != nil { // set before isLaunched was closed, and never again
			out = append(out, b)
		}
	}
	return out
}
