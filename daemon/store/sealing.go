// SPDX-License-Identifier: GPL-2.0-or-later

package store

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/config"
)

// Sealing is a further ability of a store: to bring passwords of users and
// rooms, as an existing database has them, to authenticated encryption and
// back, and to change the key. A password says itself how it is kept, so that
// several forms may stand side by side.
//
// Seal, Unseal and Rekey come after Migrate. Each is one transaction: whoever
// is killed leaves the old or the new state. None makes a backup. progress,
// unless nil, is told how many of how many passwords are done; it must not use
// the store.
type Sealing interface {
	// SetKeys takes other keys than those of Open while the store is in use:
	// what is written is sealed with key, what older sealed stays readable.
	// It changes nothing, and errors wrap ErrWrongKey, if the sealed passwords
	// can be read with neither.
	SetKeys(ctx context.Context, key, older config.Secret) error
	// SealState counts; it works before Migrate too.
	SealState(ctx context.Context) (SealState, error)
	// Seal seals every password with the key, and from then on those that are
	// written. No main process may use the database. Sealing again seals what
	// is not sealed yet (the C++ version may have written it).
	Seal(ctx context.Context, progress func(done, all int)) error
	// Unseal brings every password to the form in which the C++ version reads
	// it; from then on those that are written are plain, too. No main process
	// may use the database.
	Unseal(ctx context.Context, progress func(done, all int)) error
	// Rekey seals with the key what older sealed, and afterwards the older
	// key is good for nothing. A main process that uses the database meanwhile
	// has to have both keys (SetKeys, or Open with them).
	Rekey(ctx context.Context, progress func(done, all int)) error
}

// Errors of Sealing.
var (
	// ErrNoKey: it needs database.encryption_key.
	ErrNoKey = errors.New("there is no database.encryption_key")
	// ErrWrongKey: the passwords were sealed with another key.
	ErrWrongKey = errors.New("database.encryption_key is not the one that the passwords are encrypted with")
	// ErrInUse: a main process has the database.
	ErrInUse = errors.New("the database is in use")
)

// SealState is how the passwords of users and rooms are kept. Empty ones do
// not count.
type SealState struct {
	// On: passwords that are written are sealed.
	On bool
	// Changing: somebody who has the key and the older one has begun to write
	// with the key; Rekey has not been yet.
	Changing bool
	// Sealed are sealed with database.encryption_key, Older with another key.
	Sealed, Older int
	// Scrambled are as the C++ version "encrypted" them, Plain are readable.
	Scrambled, Plain int
}
