// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"spectrum.im/spectrum2/daemon/store"
)

// maxBatch bounds the writes that share one transaction.
const maxBatch = 256

// writer is the one that writes. Writes that wait while the disk makes the
// last transaction durable go into the next one together; each is kept or
// refused for itself, and none is answered before the disk has it.
type writer struct {
	db   *db
	pool *sql.DB
	jobs chan *job
	stop chan struct{}
	done chan struct{}
	once sync.Once

	// conn and stmts belong to run's goroutine.
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// job is one write. run must not keep tx, and must only touch what its caller
// does not before the answer is there.
type job struct {
	ctx    context.Context
	run    func(*tx) error
	answer chan error
}

// tx is what a write works with.
type tx struct {
	ctx context.Context
	w   *writer
}

func newWriter(d *db, pool *sql.DB) *writer {
	w := &writer{db: d, pool: pool, jobs: make(chan *job), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// write runs f in a transaction. If ctx ends before the answer is there, f
// may have been kept or not.
func (d *db) write(ctx context.Context, f func(*tx) error) error {
	w := d.writer
	j := &job{ctx: ctx, run: f, answer: make(chan error, 1)}
	select {
	case w.jobs <- j:
	case <-w.stop:
		return fmt.Errorf("%w: it was closed", store.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.done
	return w.pool.Close()
}

func (w *writer) run() {
	defer close(w.done)
	defer func() { w.disconnect(nil) }()
	for {
		select {
		case j := <-w.jobs:
			w.batch(w.collect(j))
		case <-w.stop:
			return
		}
	}
}

// collect takes what waits now, without waiting for more.
func (w *writer) collect(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// batch commits the jobs together and answers each.
func (w *writer) batch(batch []*job) {
	// Not a job's context: it would end the others' transaction with it.
	t := &tx{ctx: context.Background(), w: w}
	answers := make([]error, len(batch))
	err := w.transact(t, func() error {
		for i, j := range batch {
			if answers[i] = w.one(t, j, len(batch) > 1); fatal(answers[i]) {
				return answers[i]
			}
		}
		if len(batch) == 1 {
			return answers[0]
		}
		return nil
	})
	for i, j := range batch {
		if err != nil && answers[i] == nil {
			answers[i] = err
		}
		j.answer <- w.db.explain("write", answers[i])
	}
}

// one runs a job; among several it can be undone alone.
func (w *writer) one(t *tx, j *job, among bool) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if !among {
		return j.run(t)
	}
	if err := t.exec("SAVEPOINT one"); err != nil {
		return err
	}
	err := j.run(t)
	if err != nil && !fatal(err) {
		err = errors.Join(err, t.exec("ROLLBACK TO one"))
	}
	return errors.Join(err, t.exec("RELEASE one"))
}

// transact runs f between BEGIN and COMMIT. Its error says that nothing was
// kept.
func (w *writer) transact(t *tx, f func() error) error {
	if _, err := w.db.exists(); err != nil {
		return err
	}
	if err := w.connect(t.ctx); err != nil {
		return err
	}
	if w.db.path == Memory {
		defer w.disconnect(nil) // readers wait for the one connection
	}
	err := t.exec("BEGIN IMMEDIATE")
	if err == nil {
		if err = f(); err == nil {
			err = t.exec("COMMIT")
		}
		if err != nil {
			_ = t.exec("ROLLBACK") // SQLite may have done it already
		}
	}
	if fatal(err) {
		w.disconnect(driver.ErrBadConn)
	}
	return err
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn == nil {
		w.stmts = map[string]*sql.Stmt{}
		w.conn, err = w.pool.Conn(ctx)
	}
	return err
}

// disconnect gives the connection back, or away if bad is driver.ErrBadConn:
// the next write gets a new one. A database in memory has only this one.
func (w *writer) disconnect(bad error) {
	if w.conn == nil {
		return
	}
	for _, s := range w.stmts {
		_ = s.Close() // nothing is lost with it
	}
	if bad != nil && w.db.path != Memory {
		_ = w.conn.Raw(func(any) error { return bad })
	}
	_ = w.conn.Close()
	w.conn = nil
}

// stmt prepares a statement once for the connection.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.ctx, t.w.db.names.Replace(query))
	if err == nil {
		t.w.stmts[query] = s
	}
	return s, err
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

// change is exec with the number of rows that it touched.
func (t *tx) change(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// insert is exec with the new row's id.
func (t *tx) insert(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// get reads one row; sql.ErrNoRows if there is none.
func (t *tx) get(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}
