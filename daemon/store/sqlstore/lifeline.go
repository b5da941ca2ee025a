// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// lifeline is the connection that is kept for the lease alone, so that neither
// others' statements nor a login at the server hold it up.
type lifeline struct {
	n    *node
	conn *sql.Conn
	stmt *sql.Stmt
}

// renew is one statement, tried again on a new connection where the old one
// had ended. sent is when it began.
func (l *lifeline) renew(ctx context.Context) (sent time.Time, rows int64, err error) {
	for range 2 {
		if err = l.dial(ctx); err != nil {
			break
		}
		sent = time.Now()
		if rows, err = l.exec(ctx); err == nil {
			return sent, rows, nil
		}
		l.hangUp()
	}
	return sent, 0, l.n.d.explain(ctx, "write", err)
}

func (l *lifeline) dial(ctx context.Context) error {
	if l.stmt != nil {
		return nil
	}
	ctx, cancel := l.n.d.limit(ctx)
	defer cancel()
	conn, err := l.n.d.reserve.Conn(ctx)
	if err != nil {
		return l.n.d.explain(ctx, "reach", err)
	}
	l.stmt, err = conn.PrepareContext(ctx, l.n.d.rewrite("UPDATE {spectrum2_nodes} SET lease = {now} + ? WHERE node = ? AND process = ? AND lease > {now}"))
	if err != nil {
		l.stmt = nil
		return errors.Join(l.n.d.explain(ctx, "reach", err), conn.Close())
	}
	l.conn = conn
	return nil
}

// Patience is how long a renewal may take: another has to fit in before the
// lease is lost.
func Patience(lease time.Duration) time.Duration { return lease * 3 / 10 }

func (l *lifeline) exec(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, Patience(l.n.d.o.Lease), errTooSlow)
	defer cancel()
	o := l.n.d.o
	r, err := l.stmt.ExecContext(ctx, o.Lease.Microseconds(), o.Node, l.n.process)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// hangUp ends the connection for good: it may be in any state.
func (l *lifeline) hangUp() {
	if l.conn == nil {
		return
	}
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = l.conn.Close()
	l.conn, l.stmt = nil, nil
}
