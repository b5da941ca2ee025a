// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"spectrum.im/spectrum2/daemon/store"
)

// lock keeps other processes away that ask for it, too: a main process, and
// programs that change what one has in its memory. It is a file beside the
// database, for a lock on the database itself would be SQLite's to lose; the
// kernel ends it with the process. Each prefix is a database of its own.
type lock struct{ files []*os.File }

// lockPath is where the lock of one prefix is; the file stays there.
func lockPath(path, prefix string) string { return path + "." + prefix + "lock" }

// take locks for one prefix. Errors wrap store.ErrInUse.
func take(path, prefix string) (*lock, error) {
	l := &lock{}
	if err := l.add(lockPath(path, prefix)); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// takeAll locks for every prefix that anybody ever locked for.
func takeAll(path, prefix string) (*lock, error) {
	l, err := take(path, prefix)
	if err != nil {
		return nil, err
	}
	others, err := filepath.Glob(globQuote(path) + ".*lock")
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	for _, p := range others {
		if p == lockPath(path, prefix) {
			continue
		}
		if err := l.add(p); err != nil {
			return nil, errors.Join(err, l.release())
		}
	}
	return l, nil
}

func (l *lock) add(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, syscall.EROFS) {
		return nil // nobody writes there
	}
	if err != nil {
		return fmt.Errorf("lock database: %w: %w", store.ErrUnavailable, err)
	}
	l.files = append(l.files, f)
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%w: another process has %s", store.ErrInUse, path)
	} else if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	return nil
}

func (l *lock) release() error {
	if l == nil {
		return nil
	}
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// globQuote makes a path stand for itself in a pattern.
func globQuote(path string) string {
	var b []byte
	for _, c := range []byte(path) {
		switch c {
		case '*', '?', '[', '\\':
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}
