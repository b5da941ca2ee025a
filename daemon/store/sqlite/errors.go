// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	sqlite3 "modernc.org/sqlite"

	"spectrum.im/spectrum2/daemon/store"
)

// sentences say what SQLite's primary result codes mean for an operator;
// those in it are a database that cannot be used, the others are mistakes of
// ours. See https://www.sqlite.org/rescode.html.
var sentences = map[int]string{
	3:  "no permission",
	5:  "another program has it locked",
	6:  "another program has it locked",
	7:  "out of memory",
	8:  "it is read-only",
	10: "the disk does not read or write it",
	11: "it is damaged; restore a backup with `spectrumctl db restore`",
	13: "the disk is full",
	14: "it cannot be opened",
	15: "another program has it locked",
	26: "it is not a SQLite database, or it is damaged; restore a backup with `spectrumctl db restore`",
}

// explain adds what was done to which file, and wraps store.ErrUnavailable
// where nothing but the database is to blame.
func (d *db) explain(verb string, err error) error {
	var se *sqlite3.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &se):
		return fmt.Errorf("%s database: %w", verb, err)
	}
	sentence, away := sentences[se.Code()&0xff]
	if !away {
		return fmt.Errorf("%s database: %w", verb, err)
	}
	if code := se.Code() & 0xff; code == cannotOpen || code == readOnly {
		sentence = cmp.Or(notWritable(d.path), sentence)
	}
	return fmt.Errorf("%s %s: %w: %s (%w)", verb, d.path, store.ErrUnavailable, sentence, err)
}

// Result codes that do not say what is in the way.
const (
	readOnly   = 8
	cannotOpen = 14
)

// notWritable is the kernel's reason why a file and what SQLite keeps beside it
// cannot be written, "" if there is none.
func notWritable(path string) string {
	for _, p := range []string{filepath.Dir(path), path} {
		switch err := syscall.Access(p, 2 /* W_OK */); {
		case errors.Is(err, syscall.EROFS):
			return "its file system is read-only"
		case errors.Is(err, syscall.EACCES):
			return "the service's user may not write " + p
		case errors.Is(err, syscall.ENOENT) && p != path:
			return "there is no directory " + p
		}
	}
	return ""
}

// fatal reports whether the error may have ended the whole transaction, or
// the connection is not to be trusted any more.
func fatal(err error) bool {
	var se *sqlite3.Error
	if !errors.As(err, &se) {
		return false
	}
	_, away := sentences[se.Code()&0xff]
	return away
}
