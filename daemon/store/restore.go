// SPDX-License-Identifier: GPL-2.0-or-later

package store

import (
	"context"
	"io"
)

// Restorer is a further ability of a store: to put what Backup wrote in the
// place of what is there.
type Restorer interface {
	// Restore reads a backup, which it first reads to its end: it changes
	// nothing if it is not whole, or of another type or a newer version. It
	// makes the tables that are missing; the rest is one transaction. What was
	// there before is written to keep, like Backup does, if there was anything.
	// Errors wrap ErrInUse while a main process uses the database.
	Restore(ctx context.Context, backup io.ReadSeeker, keep string) (kept bool, err error)
}
