// SPDX-License-Identifier: GPL-2.0-or-later

package store

import "context"

// KeyLength is the longest key of the archive and of what is kept for a user,
// in bytes: what every database can index as text. Who has a longer one makes
// a shorter one of it (a hash).
const KeyLength = 191

// Archived is one message of a user's archive. A user has one archive of his
// own, and one of each room that he is or was in.
type Archived struct {
	// Seq is the place in the user's archives, given by their owner: ever
	// growing, microseconds since 1970 or later than the one before.
	Seq int64
	// Room: it belongs to the archive of the room Peer.
	Room bool
	// Peer is the other side's bare JID, Resource its resource: in a room who
	// said it. Neither is longer than KeyLength.
	Peer, Resource string
	// ID is the message's name in its archive, at most KeyLength bytes.
	ID string
	// Stanza is the message, serialised XML.
	Stanza []byte
}

// ArchiveQuery says which messages of one archive are meant. Zero fields do
// not narrow it.
type ArchiveQuery struct {
	// Room: the archive of the room Peer. Otherwise Peer is whose messages of
	// the user's own archive are meant.
	Room           bool
	Peer, Resource string
	// After and Before are places that are not included themselves.
	After, Before int64
}

// Archive keeps messages for users to read again. A text is kept as it is, not
// encrypted: whoever reads the database reads it.
type Archive interface {
	// AddArchived keeps messages, all of them or none. One whose Room, Peer
	// and ID are there already is left out.
	AddArchived(ctx context.Context, t Token, userID int64, messages []Archived) error
	// Archived returns the oldest messages in order, at most limit; with
	// newest the newest ones, in order as well.
	Archived(ctx context.Context, userID int64, q ArchiveQuery, newest bool, limit int) ([]Archived, error)
	// ArchivedByID returns those of the ids that q has, in order of Seq.
	ArchivedByID(ctx context.Context, userID int64, q ArchiveQuery, ids []string) ([]Archived, error)
	// CountArchived counts, but not further than limit.
	CountArchived(ctx context.Context, userID int64, q ArchiveQuery, limit int) (int, error)
	// LastArchived is the highest Seq of all of the user's archives, 0 if they
	// are empty.
	LastArchived(ctx context.Context, userID int64) (int64, error)
	// PurgeArchived forgets the user's messages whose Seq is below before, at
	// most limit of them, and returns how many. It needs no token: it does
	// not matter who does it.
	PurgeArchived(ctx context.Context, userID int64, before int64, limit int) (int, error)
	// ArchiveOwners returns the numbers, in order after the given one, of
	// users who have archived messages, at most limit.
	ArchiveOwners(ctx context.Context, after int64, limit int) ([]int64, error)
}
