// SPDX-License-Identifier: GPL-2.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"spectrum.im/spectrum2/daemon/store"
)

// ErrNotEmpty is the error of an import without merge into a store that has
// users.
var ErrNotEmpty = errors.New("there are users in the database already")

// workers is how many users are written at once: a database makes the writes
// of several durable together.
const workers = 64

// Import reads a file into the store, which must have its tables, while no
// main process uses it. Check the file first: what was read before a mistake
// in it stays in the store.
//
// With merge, the store may have users: the file's are added, and of those who
// are there what the file has replaces what has the same name; nothing is
// removed. Who has no password in the file keeps the store's. So an import
// that was cut short is finished by another one with merge.
func Import(ctx context.Context, s store.Store, r io.Reader, merge bool) (Counts, error) {
	in, err := newReader(r)
	if err != nil {
		return Counts{}, err
	}
	if have, err := s.ListUsers(ctx, "", 1); err != nil {
		return Counts{}, err
	} else if len(have) > 0 && !merge {
		return Counts{}, ErrNotEmpty
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	i := &importer{ctx: ctx, fail: cancel, store: s, passwords: in.header.Passwords, places: make(chan struct{}, workers)}
	err = i.read(in)
	if i.lines != nil {
		close(i.lines)
	}
	i.users.Wait()
	if failed := context.Cause(ctx); failed != nil {
		return in.counts, failed // before what it led to
	}
	return in.counts, err
}

// importer is one import under way.
type importer struct {
	ctx context.Context
	// fail ends the import with the first error.
	fail      context.CancelCauseFunc
	store     store.Store
	passwords bool
	users     sync.WaitGroup
	places    chan struct{}
	// lines go to the worker of the user whose turn it is.
	lines chan line
}

// line is a record and its place in the file.
type line struct {
	number int
	record
}

// read hands each user's lines to a worker of his own.
func (i *importer) read(in *reader) error {
	for {
		rec, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.User != nil {
			if err := i.begin(); err != nil {
				return err
			}
		}
		if i.lines == nil {
			return fmt.Errorf("line %d of the export: it belongs to no user", in.line)
		}
		select {
		case i.lines <- line{in.line, rec}:
		case <-i.ctx.Done():
			return i.ctx.Err()
		}
	}
}

// begin starts a worker for the next user.
func (i *importer) begin() error {
	if i.lines != nil {
		close(i.lines)
		i.lines = nil
	}
	select {
	case i.places <- struct{}{}:
	case <-i.ctx.Done():
		return i.ctx.Err()
	}
	lines := make(chan line, 64)
	i.lines = lines
	i.users.Go(func() {
		defer func() { <-i.places }()
		if err := i.one(lines); err != nil {
			i.fail(err)
		}
	})
	return nil
}

// one writes one user's lines.
func (i *importer) one(lines <-chan line) error {
	o := &owner{importer: i}
	first, last := 0, 0
	for l := range lines {
		if last = l.number; o.empty() {
			first = last
		}
		if err := o.apply(l.record); err != nil {
			return fmt.Errorf("%s of the export: %w", place(first, last), err)
		}
	}
	if err := o.flush(); err != nil {
		return fmt.Errorf("%s of the export: %w", place(first, last), err)
	}
	return nil
}

// place names lines that were written together.
func place(first, last int) string {
	if first == last {
		return fmt.Sprintf("line %d", last)
	}
	return fmt.Sprintf("one of the lines %d to %d", first, last)
}
