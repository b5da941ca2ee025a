// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Link is one user's way to his backend. It belongs to whoever acquired it,
// who has to Release it; all methods may be called from any goroutine.
type Link struct {
	b    *backend
	user string
	r    Receiver
	// turn is held while the receiver is called, so that Lost comes after the
	// last Frame, and for good once the link is gone.
	turn chan struct{}
	// released is closed by Release: a Lost that has not begun is dropped.
	released chan struct{}

	// Guarded by Manager.mu.
	gone bool
	// in is set from LOGIN to LOGOUT or DISCONNECTED, with the name he is
	// logged in with: a link that ends meanwhile logs him out.
	in     bool
	legacy string
	// listed: he has had the ROOM_LIST that is for everybody.
	listed bool
}

// Send queues a frame for the backend, after all that this caller sent before.
// While the backend is slow it waits: the error is then ctx's, or ErrGone when
// the backend was given up or the link released. Seq and Ack of f are ignored.
// f.Message must not be changed afterwards.
func (l *Link) Send(ctx context.Context, f pbnetwork.Frame) error {
	if !pbnetwork.Numbered(f.Type) || f.Type == pbnetwork.WrapperMessage_TYPE_EXIT {
		return fmt.Errorf("send %s to backend %d: it is not a user's to send", f.Type, l.b.number)
	}
	if user := f.UserOf(); user != "" && user != l.user {
		return fmt.Errorf("send %s to backend %d: it is for %s, the link is of %s", f.Type, l.b.number, user, l.user)
	}
	c, err := l.sending(f)
	if err != nil {
		return err
	}
	return c.out.send(ctx, f)
}

// sending notes what f means for the login and gives the connection.
func (l *Link) sending(f pbnetwork.Frame) (*conn, error) {
	m := l.b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.gone {
		return nil, ErrGone
	}
	switch msg := f.Message.(type) {
	case *pbnetwork.Login:
		l.in, l.legacy = true, msg.GetLegacyName()
	case *pbnetwork.Logout:
		l.in = false
	}
	return l.b.peer.conn, nil
}

// Backend is the backend's number.
func (l *Link) Backend() int { return l.b.number }

// Level is the level of the extension that both sides speak, 0 for version 1.
func (l *Link) Level() int {
	m := l.b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.b.peer.conn.level
}

// Features is what the backend said about itself, or the defaults.
func (l *Link) Features() pbnetwork.Features {
	m := l.b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.b.features == nil {
		return pbnetwork.DefaultFeatures()
	}
	return *l.b.features
}

// Program is what the backend calls itself, "" for version 1.
func (l *Link) Program() string {
	m := l.b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.b.peer.program
}

// Release gives the backend's place back. No Frame and no Lost begins after
// it has returned, but for a Frame that is on its way already. If the user is
// still logged in there, he is logged out.
func (l *Link) Release() {
	m := l.b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-l.released:
	default:
		close(l.released)
	}
	m.dropLocked(l)
}

// lost tells the receiver, once it is not being called.
func (l *Link) lost(reason error) {
	select {
	case l.turn <- struct{}{}:
	case <-l.released:
		return
	}
	select {
	case <-l.released:
	default:
		l.r.Lost(reason)
	}
}
