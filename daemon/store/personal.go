// SPDX-License-Identifier: GPL-2.0-or-later

package store

import "context"

// Item is one of the things that a user's clients keep on the server: a
// document of private storage, an item of a node, a blocked address.
type Item struct {
	// Kind says whose namespace Node and Item are; the owner of the kind
	// knows what they mean. At most 32 bytes of ASCII.
	Kind string
	// Node and Item name it within the kind; at most KeyLength bytes.
	Node, Item string
	// Order places it among those of the same node; the owner gives it.
	Order int64
	Value []byte
}

// Change is one of several that are made together.
type Change struct {
	// Put keeps the item in place of one of the same name; nil does not.
	Put *Item
	// Without Put: what is forgotten. An empty Item stands for all of the
	// node's, an empty Node and Item for all of the kind.
	Kind, Node, Item string
}

// PersonalSize is what a user keeps.
type PersonalSize struct {
	Items int
	// Bytes of all values.
	Bytes int64
}

// Personal keeps what users' clients keep on the server.
type Personal interface {
	// PersonalItems returns the items of a node, with an empty node those of
	// the whole kind, and with an empty kind everything: by kind, node, order
	// and item.
	PersonalItems(ctx context.Context, userID int64, kind, node string) ([]Item, error)
	// ChangePersonal makes the changes in their order, all of them or none.
	// Forgetting what is not there is no error.
	ChangePersonal(ctx context.Context, t Token, userID int64, changes []Change) error
	PersonalSize(ctx context.Context, userID int64) (PersonalSize, error)
}
