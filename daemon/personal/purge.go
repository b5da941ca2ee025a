// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// purgeEvery is how often a user who writes has his old messages forgotten.
const purgeEvery = time.Hour

// purgeStep bounds the messages of one transaction: other writers get their
// turn between two.
const purgeStep = 500

// purgeDue forgets the user's old messages now and then. Who writes nothing
// is left to Purge.
func (r *recorder) purgeDue() {
	r.mu.Lock()
	due, days := time.Since(r.purged) >= purgeEvery, r.days
	if due {
		r.purged = time.Now()
	}
	r.mu.Unlock()
	if !due {
		return
	}
	if n, err := purge(r.background, r.store, r.id, days); err != nil {
		r.log.Warn("old messages not removed from the archive", "err", err)
	} else if n > 0 {
		r.log.Debug("old messages removed from the archive", "messages", n)
	}
}

// Purge forgets all users' messages that are older than so many days, in
// small steps, and returns how many there were. An instance calls it now and
// then; users whose services are open may go on meanwhile.
func Purge(ctx context.Context, s store.Archive, days int) (int, error) {
	total := 0
	for after := int64(0); ; {
		owners, err := s.ArchiveOwners(ctx, after, 100)
		if err != nil || len(owners) == 0 {
			return total, err
		}
		for _, id := range owners {
			n, err := purge(ctx, s, id, days)
			total += n
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return total, fmt.Errorf("purge archive of user number %d: %w", id, err)
			}
		}
		after = owners[len(owners)-1]
	}
}

func purge(ctx context.Context, s store.Archive, id int64, days int) (int, error) {
	before := time.Now().AddDate(0, 0, -days).UnixMicro()
	for total := 0; ; {
		n, err := s.PurgeArchived(ctx, id, before, purgeStep)
		total += n
		if err != nil || n < purgeStep {
			return total, err
		}
	}
}
