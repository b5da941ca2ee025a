// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Services are one user's. All methods may be called by any goroutine.
type Services struct {
	user  jid.JID
	bare  string
	id    int64
	store Store
	opts  Options
	log   *slog.Logger

	archive recorder
	prefs   prefsCell
	blocked blockList
	clients clientTable

	// turn is held by whoever reads and changes what is kept, so that clients
	// hear of changes in the order in which they were made.
	turn chan struct{}
	// order is the last place that was given to an item.
	order atomic.Int64

	// background ends what Close does not wait for any longer.
	background context.Context
	cancel     context.CancelFunc
}

// Open reads what has to be at hand: the blocked addresses, the archiving
// preferences, and where the archive ends.
func Open(ctx context.Context, o Options) (*Services, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Services{
		user: o.User.Bare(), bare: o.User.Bare().String(), id: o.UserID, store: o.Store, opts: o, log: o.Log,
		turn: make(chan struct{}, 1),
	}
	s.background, s.cancel = context.WithCancel(context.Background())
	s.archive.init(s)
	for _, load := range []func(context.Context) error{s.archive.load, s.loadPrefs, s.loadBlocked} {
		if err := load(ctx); err != nil {
			s.cancel()
			return nil, fmt.Errorf("load what is kept for %s: %w", s.bare, err)
		}
	}
	return s, nil
}

// Close waits until what was recorded is in the database, or ctx ends: then
// the rest is lost, and logged. What is recorded after it is not archived.
func (s *Services) Close(ctx context.Context) error {
	err := s.archive.close(ctx, s.cancel)
	s.cancel()
	return err
}

// SetArchive changes Options.Days and Options.Rooms, at a reload.
func (s *Services) SetArchive(days int, rooms bool) { s.archive.set(days, rooms) }

// take waits for the turn; release gives it back.
func (s *Services) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Services) release() { <-s.turn }

// nextOrder is the place of an item behind all others.
func (s *Services) nextOrder() int64 {
	for {
		last := s.order.Load()
		next := max(last+1, time.Now().UnixMicro())
		if s.order.CompareAndSwap(last, next) {
			return next
		}
	}
}

// send sends to a client, which may be gone meanwhile.
func (s *Services) send(ctx context.Context, st *xmpp.Element) error {
	err := s.opts.Send(ctx, st)
	if err != nil {
		s.log.Debug("client not reached", "to", st.Get("to"), "err", err)
	}
	return err
}
