// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

// Sizes of pages, and how far messages are counted that nobody asked to count.
const (
	defaultPage = 50
	maxPage     = 100
	maxCount    = 1000
)

func (s *Services) archiveForm(_ context.Context, _ *request) (*xmpp.Element, error) {
	return xmpp.New(mam.NS, "query").Add(mam.Form().Element()), nil
}

// archiveEnds says where the archive begins and ends (XEP-0313 §4.3).
func (s *Services) archiveEnds(ctx context.Context, r *request) (*xmpp.Element, error) {
	if err := s.archive.flush(ctx); err != nil {
		return nil, err
	}
	q := r.archive()
	first, err := s.store.Archived(ctx, s.id, q, false, 1)
	if err != nil || len(first) == 0 {
		return mam.Metadata(nil, nil), err
	}
	last, err := s.store.Archived(ctx, s.id, q, true, 1)
	if err != nil || len(last) == 0 {
		return mam.Metadata(nil, nil), err
	}
	return mam.Metadata(end(first[0]), end(last[0])), nil
}

func end(m store.Archived) *mam.Place { return &mam.Place{ID: m.ID, At: placeTime(m.Seq)} }

// archive is the whole archive that is asked.
func (r *request) archive() store.ArchiveQuery {
	return store.ArchiveQuery{Room: r.room != "", Peer: key(r.room)}
}

// queryArchive sends a page to the client, message by message, and answers
// with its end.
func (s *Services) queryArchive(ctx context.Context, r *request) (*xmpp.Element, error) {
	q, err := mam.ParseQuery(r.payload)
	if errors.Is(err, mam.ErrUnsupported) {
		return nil, refuse(xmpp.FeatureNotImplemented, err.Error())
	} else if err != nil {
		return nil, refuse(xmpp.BadRequest, err.Error())
	}
	if err := s.archive.flush(ctx); err != nil {
		return nil, err
	}
	within, err := s.narrow(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if len(q.IDs) > 0 {
		return s.messagesByID(ctx, r, q, within)
	}
	if q.Page.Max == 0 {
		n, err := s.store.CountArchived(ctx, s.id, within, 1<<30)
		return mam.Fin(n == 0, rsm.Page{Count: n}), err
	}
	return s.page(ctx, r, q, within)
}

// narrow is the part of the archive that the query is about, without the
// page's bounds.
func (s *Services) narrow(ctx context.Context, r *request, q mam.Query) (store.ArchiveQuery, error) {
	within := r.archive()
	if q.With != "" {
		with, err := xmpp.ParseJID(q.With)
		if err != nil {
			return within, refuse(xmpp.JIDMalformed, "That is no address")
		}
		peer := key(with.Bare().String())
		if r.room != "" && peer != within.Peer {
			// Who is known by another address has said nothing in the room.
			within.After = math.MaxInt64
			return within, nil
		}
		within.Peer, within.Resource = peer, key(with.Resourcepart())
	}
	if !q.Start.IsZero() {
		within.After = max(q.Start.UnixMicro()-1, 0)
	}
	if !q.End.IsZero() {
		// Clients know times to the millisecond.
		within.Before = max(q.End.Truncate(time.Millisecond).Add(time.Millisecond).UnixMicro(), 1)
	}
	err := s.bound(ctx, r, &within, q.AfterID, q.BeforeID)
	return within, err
}

// bound narrows within to what is behind one message and before another, by
// their names.
func (s *Services) bound(ctx context.Context, r *request, within *store.ArchiveQuery, after, before string) error {
	if after != "" {
		seq, err := s.find(ctx, r, after)
		if err != nil {
			return err
		}
		within.After = max(within.After, seq)
	}
	if before != "" {
		seq, err := s.find(ctx, r, before)
		if err != nil {
			return err
		}
		if within.Before == 0 || seq < within.Before {
			within.Before = seq
		}
	}
	return nil
}

// find is the place of a message of the archive.
func (s *Services) find(ctx context.Context, r *request, id string) (int64, error) {
	found, err := s.store.ArchivedByID(ctx, s.id, r.archive(), []string{id})
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, refuse(xmpp.ItemNotFound, "The archive has no such message, or not any more")
	}
	return found[0].Seq, nil
}

func (s *Services) messagesByID(ctx context.Context, r *request, q mam.Query, within store.ArchiveQuery) (*xmpp.Element, error) {
	ids := slices.Compact(slices.Sorted(slices.Values(q.IDs)))
	found, err := s.store.ArchivedByID(ctx, s.id, within, ids)
	if err != nil {
		return nil, err
	}
	if len(found) != len(ids) {
		return nil, refuse(xmpp.ItemNotFound, "The archive does not have all of these messages")
	}
	return s.sendPage(ctx, r, q, found, true, len(found))
}

// page finds one page. One message more than it has tells whether it is the
// last one.
func (s *Services) page(ctx context.Context, r *request, q mam.Query, within store.ArchiveQuery) (*xmpp.Element, error) {
	count, err := s.store.CountArchived(ctx, s.id, within, maxCount+1)
	if err != nil {
		return nil, err
	}
	if count > maxCount {
		count = rsm.Unlimited
	}
	if err := s.bound(ctx, r, &within, q.Page.After, q.Page.Before); err != nil {
		return nil, err
	}
	size := defaultPage
	if q.Page.Max > 0 {
		size = min(q.Page.Max, maxPage)
	}
	found, err := s.store.Archived(ctx, s.id, within, q.Page.Last, size+1)
	if err != nil {
		return nil, err
	}
	complete := len(found) <= size
	if !complete && q.Page.Last {
		found = found[1:]
	} else if !complete {
		found = found[:size]
	}
	return s.sendPage(ctx, r, q, found, complete, count)
}

// sendPage sends the messages, in their order or the other way round, and
// returns the page's end.
func (s *Services) sendPage(ctx context.Context, r *request, q mam.Query, found []store.Archived, complete bool, count int) (*xmpp.Element, error) {
	p := rsm.Page{Index: rsm.Unlimited, Count: count}
	if len(found) > 0 {
		p.First, p.Last = found[0].ID, found[len(found)-1].ID
	}
	if q.Flip {
		slices.Reverse(found)
	}
	from := s.bare
	if r.room != "" {
		from = r.room
	}
	for _, m := range found {
		st, err := xmpp.Parse(m.Stanza)
		if err != nil {
			return nil, fmt.Errorf("read archived message %s: %w", m.ID, err)
		}
		message := xmpp.New(xmpp.NSClient, "message").Set("from", from).Set("to", r.from)
		if s.send(ctx, message.Add(mam.Result(q.ID, m.ID, st, placeTime(m.Seq)))) != nil {
			break // it is gone, and hears nothing of the end either
		}
	}
	return mam.Fin(complete, p), nil
}
