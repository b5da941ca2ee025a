// SPDX-License-Identifier: GPL-2.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrKept is the answer to a Request whose owner keeps the user.
var ErrKept = errors.New("kept by another main process")

// OwnedError is Claim's for a user whom another node has. It wraps ErrFenced.
type OwnedError struct {
	JID string
	// Node is the owner's name.
	Node string
}

func (e *OwnedError) Error() string {
	return fmt.Sprintf("%s: node %s has %s", ErrFenced, e.Node, e.JID)
}

func (e *OwnedError) Unwrap() error { return ErrFenced }

// Shared is a store that several main processes, called nodes, may use at the
// same time. A node owns its users by a lease, which it renews; the server's
// clock alone says when a lease has ended. On a store that is not Shared there
// is one main process.
//
// Who asks for a user whom another node has is answered with an
// OwnedError by Claim, and waits with Request until Claim is worth another try. Claim without
// a lease is ErrUnavailable.
type Shared interface {
	Store
	// Join makes this main process a node, before its first Claim, and keeps
	// its lease until Close, which gives lease and users back so that others
	// may take them at once. An earlier process of the same name on the same
	// machine counts as dead: whom it owned, nobody owns now. Join waits for a
	// lease that is about to end, a little longer than one lasts, and fails
	// with an error that wraps ErrInUse where another machine has this node's
	// name, or where there are other nodes and one of both is not set up to be
	// one of several (Member). After an error it may be tried again; until it
	// succeeds, nothing can be claimed.
	Join(ctx context.Context, e NodeEvents) error
	// Nodes returns the nodes that have a row, in order of their names. It
	// needs no Join.
	Nodes(ctx context.Context) ([]Node, error)
	// Request asks the node that owns the user to hand him over, and returns
	// when he may be claimed, when ctx ends, or with ErrKept when the owner
	// answered with Keep. Others may be quicker to claim him then.
	Request(ctx context.Context, jid string) error
	// Keep answers a Request: the user stays with this node.
	Keep(ctx context.Context, jid string) error
	// Owner returns the node with a lease that owns the user, "" if none does.
	Owner(ctx context.Context, jid string) (string, error)
	// Orphans returns users whom no node with a lease owns although one did, or
	// although they are marked online, in order after the given JID, at most
	// limit.
	Orphans(ctx context.Context, after string, limit int) ([]string, error)
}

// NodeEvents are what a node has to know. They are called one at a time, from a
// goroutine of the store's, which ends before Close returns; they must not
// block, nor call Close. nil ones are not called.
type NodeEvents struct {
	// Wanted: other nodes ask for these users of ours. It is called again for
	// the same users, each fifth of a lease, until they were given back
	// (Unclaim; the zero token gives back whomever this node has) or kept
	// (Keep).
	Wanted func(jids []string)
	// Lost: the lease has ended or is about to, and other nodes may take our
	// users: none may stay logged in. Where it is not renewed, there is a third
	// of it left to log them out. err says why, for the log. Until Regained
	// every Claim fails; tokens from before Regained are good for nothing after
	// it.
	Lost func(err error)
	// Regained: after Lost there is a lease again, a third of one later at the
	// soonest.
	Regained func()
	// Others is called when nodes came or went, with the names of the others
	// that have a lease; at first only if there are others.
	Others func(names []string)
}

// Node is one main process on a shared database.
type Node struct {
	Name string
	// Self is the node that asks.
	Self bool
	// Left is how long its lease lasts if it is not renewed; negative when it
	// ended.
	Left time.Duration
	// Users is how many it owns.
	Users int
}
