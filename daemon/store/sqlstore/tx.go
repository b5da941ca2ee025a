// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

func itoa(n int) string { return strconv.Itoa(n) }

// maxTries bounds how often a transaction that the server undid is tried.
const maxTries = 8

// tx is what a write works with.
type tx struct {
	ctx context.Context
	d   *DB
	tx  *sql.Tx
	// patient: the transaction is on a connection that has no statements.
	patient bool
}

// errUnknown wraps the error of a COMMIT: what was written may be there.
type errUnknown struct{ error }

func (e errUnknown) Unwrap() error { return e.error }

// write runs f in a transaction; f runs again where the transaction was
// undone for no fault of its own, and must not leave anything behind. A nil
// error says that the server has it on its disk.
func (d *DB) write(ctx context.Context, f func(*tx) error) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	err := d.repeat(ctx, func() error { return d.attempt(ctx, f) })
	return d.explain(ctx, "write", err)
}

// limit gives an operation its deadline. Its cause tells ours from the
// caller's.
func (d *DB) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d.o.Timeout, errTooSlow)
}

func (d *DB) attempt(ctx context.Context, f func(*tx) error) error {
	if err := d.prepareWanted(ctx); err != nil {
		return err
	}
	sqlTx, err := d.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(&tx{ctx: ctx, d: d, tx: sqlTx}); err != nil {
		_ = sqlTx.Rollback() // the error that matters is f's
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return errUnknown{err}
	}
	return nil
}

// repeat tries again what the server undid, or what was about to go over
// connections that had ended while they were idle.
func (d *DB) repeat(ctx context.Context, attempt func() error) error {
	for lost, undone := 0, 0; ; {
		err := attempt()
		if err == nil || ctx.Err() != nil || d.closed.Load() {
			return err
		}
		switch unknown := (errUnknown{}); d.verdict(err).Class {
		case Retry:
			if undone++; undone == maxTries || !pause(ctx, undone) {
				return err
			}
		case Lost:
			if lost++; lost > MaxConns || errors.As(err, &unknown) {
				return err
			}
		default:
			return err
		}
	}
}

// pause lets the others go first, longer each time.
func pause(ctx context.Context, try int) bool {
	timer := time.NewTimer(rand.N(time.Duration(1<<try) * 2 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// prepareWanted prepares what transactions asked for, before the next one:
// inside, it would take a second connection, which others may wait for too.
func (d *DB) prepareWanted(ctx context.Context) (err error) {
	d.wanted.Range(func(query, _ any) bool {
		if _, err = d.stmt(ctx, query.(string)); err == nil {
			d.wanted.Delete(query)
		}
		return err == nil
	})
	return err
}

// stmt prepares a statement once; database/sql does it for each connection.
func (d *DB) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := d.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := d.pool.PrepareContext(ctx, d.rewrite(query))
	if err != nil {
		return nil, err
	}
	if first, loaded := d.stmts.LoadOrStore(query, s); loaded {
		_ = s.Close() // another was first
		return first.(*sql.Stmt), nil
	}
	return s, nil
}

func (t *tx) stmt(query string) *sql.Stmt {
	if t.patient {
		return nil
	}
	if s, ok := t.d.stmts.Load(query); ok {
		return t.tx.StmtContext(t.ctx, s.(*sql.Stmt))
	}
	t.d.wanted.Store(query, nil)
	return nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.result(query, args)
	return err
}

// change is exec with the number of rows that it met.
func (t *tx) change(query string, args ...any) (int64, error) {
	r, err := t.result(query, args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) result(query string, args []any) (sql.Result, error) {
	if s := t.stmt(query); s != nil {
		return s.ExecContext(t.ctx, args...)
	}
	return t.tx.ExecContext(t.ctx, t.d.rewrite(query), args...)
}

// insert is exec with the new row's id.
func (t *tx) insert(query string, args ...any) (id int64, err error) {
	if t.d.lang.Returning {
		return id, t.get(query+" RETURNING id", args, &id)
	}
	r, err := t.result(query, args)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// get reads one row; sql.ErrNoRows if there is none.
func (t *tx) get(query string, args []any, dest ...any) error {
	if s := t.stmt(query); s != nil {
		return s.QueryRowContext(t.ctx, args...).Scan(dest...)
	}
	return t.tx.QueryRowContext(t.ctx, t.d.rewrite(query), args...).Scan(dest...)
}

// own begins every write about a user: it locks him, so that the writes about
// one user follow each other, checks that he is there and that the token is
// his owner's. A claim of another process waits for the lock, or has changed
// the token.
func (t *tx) own(id int64, token store.Token) (jid string, err error) {
	if token == 0 {
		err = t.get("SELECT jid FROM {users} WHERE id = ? FOR UPDATE", []any{id}, &jid)
		return jid, noUser(id, err)
	}
	var current int64
	err = t.get("SELECT u.jid, o.token FROM {users} u JOIN {spectrum2_owners} o ON o.jid = u.jid WHERE u.id = ? FOR UPDATE", []any{id}, &jid, &current)
	if errors.Is(err, sql.ErrNoRows) {
		err = t.get("SELECT jid FROM {users} WHERE id = ?", []any{id}, &jid)
		if err == nil {
			return "", fmt.Errorf("write about %s: %w", jid, store.ErrFenced)
		}
	}
	if err == nil && current != int64(token) {
		return "", fmt.Errorf("write about %s: %w", jid, store.ErrFenced)
	}
	return jid, noUser(id, err)
}

func noUser(id int64, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("user number %d %w", id, store.ErrNotFound)
	}
	return err
}
