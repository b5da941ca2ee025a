// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// bell is NOTIFY on a channel of the tables' prefix.
type bell struct {
	dsn     string // what pq listens with; it takes no configuration
	channel string
}

func newBell(o Options, cfg pq.Config) bell {
	dsn := o.dsn()
	if o.ConnectionString.IsSet() {
		dsn = o.ConnectionString.Reveal()
	}
	return bell{dsn: complete(dsn, cfg), channel: "spectrum2 " + strings.ToLower(o.Prefix)}
}

// complete says in the connection string what config has decided.
func complete(dsn string, cfg pq.Config) string {
	more := [][2]string{{"sslmode", string(cfg.SSLMode)}}
	if cfg.Host == socketDir && namesNoHost(dsn) {
		more = append(more, [2]string{"host", socketDir})
	}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		query := u.Query()
		for _, m := range more {
			query.Set(m[0], m[1])
		}
		u.RawQuery = query.Encode()
		return u.String()
	}
	for _, m := range more { // the last one of a key counts
		dsn += " " + m[0] + "='" + m[1] + "'"
	}
	return dsn
}

// Ring implements sqlstore.Bell.
func (b bell) Ring(name string) (query string, args []any) {
	return "SELECT pg_notify($1, $2)", []any{b.channel, name}
}

// Listen implements sqlstore.Bell. pq's listener would connect again by itself;
// here it has one connection, and ends with it.
func (b bell) Listen(ctx context.Context, ready func(), heard func(name string)) error {
	ctx, end := context.WithCancel(ctx)
	ear := &ear{ctx: ctx}
	failed := make(chan error, 8)
	listener := pq.NewDialListener(ear, b.dsn, time.Millisecond, time.Millisecond, func(event pq.ListenerEventType, err error) {
		if event != pq.ListenerEventConnected {
			select {
			case failed <- err:
			default: // one is enough
			}
		}
	})
	listening := make(chan error, 1)
	go func() {
		listening <- listener.Listen(b.channel)
		close(listening)
	}()
	defer func() {
		end()
		ear.close()
		_ = listener.Close()
		for range listener.Notify { // until it has ended
		}
		<-listening
	}()
	for on := listening; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case err := <-on:
			if err == nil {
				err = ear.patient()
			}
			if err != nil {
				return err
			}
			on = nil
			ready()
		case note := <-listener.Notify:
			if note != nil {
				heard(note.Extra)
			}
		}
	}
}

// ear makes the connection that listens, and can end it at any moment. The
// server has as long as for everything else to log it in. Then it may be
// silent; whether it is still there is the kernel's to find out.
type ear struct {
	ctx  context.Context
	mu   sync.Mutex
	conn net.Conn
}

func (e *ear) Dial(network, address string) (net.Conn, error) {
	return e.DialContext(e.ctx, network, address)
}

func (e *ear) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(e.ctx, timeout)
	defer cancel()
	return e.DialContext(ctx, network, address)
}

// DialContext does not use the context of pq, which never ends.
func (e *ear) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: sqlstore.Timeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c, err := d.DialContext(e.ctx, network, address)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx.Err() != nil {
		return nil, errors.Join(e.ctx.Err(), c.Close())
	}
	if e.conn != nil { // which pq leaves open where the server has no TLS
		_ = e.conn.Close()
	}
	e.conn = c
	return c, c.SetDeadline(time.Now().Add(sqlstore.Timeout))
}

func (e *ear) patient() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conn.SetDeadline(time.Time{})
}

func (e *ear) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		_ = e.conn.Close()
	}
}
