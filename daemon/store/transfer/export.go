// SPDX-License-Identifier: GPL-2.0-or-later

package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// page is how many records are read at once.
const page = 500

// Options say what goes into the file.
type Options struct {
	// JID is the transport's, Program the version of this program.
	JID, Program string
	// Passwords: readable passwords of users and rooms go into the file.
	Passwords bool
	// Now is the header's date; zero is now.
	Now time.Time
}

// Export writes all that the store keeps, user by user: what changes meanwhile
// is as it is when its user's turn comes.
func Export(ctx context.Context, s store.Store, w io.Writer, o Options) (Counts, error) {
	st, err := s.Status(ctx)
	if err != nil {
		return Counts{}, err
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	buffered := bufio.NewWriterSize(w, 64<<10)
	e := &exporter{ctx: ctx, store: s, out: newWriter(buffered), passwords: o.Passwords}
	e.put(record{Header: &Header{Format: Format, Program: o.Program, Database: st.Type, JID: o.JID, Date: o.Now.UTC().Truncate(time.Second), Passwords: o.Passwords}})
	if err := e.users(); err != nil {
		return e.counts, err
	}
	e.put(record{End: &end{Counts: e.counts, SHA256: e.out.sum()}})
	if err := errors.Join(e.out.err, buffered.Flush()); err != nil {
		return e.counts, fmt.Errorf("write export: %w", err)
	}
	return e.counts, nil
}

// exporter is one export under way.
type exporter struct {
	ctx       context.Context
	store     store.Store
	out       *writer
	passwords bool
	counts    Counts
}

// put keeps its errors for the end.
func (e *exporter) put(r record) { e.out.put(r) }

func (e *exporter) users() error {
	for last := ""; ; {
		jids, err := e.store.ListUsers(e.ctx, last, page)
		if err != nil || len(jids) == 0 {
			return err
		}
		for _, j := range jids {
			if err := e.user(j); err != nil {
				return fmt.Errorf("export %s: %w", j, err)
			}
			if e.out.err != nil {
				return fmt.Errorf("write export: %w", e.out.err)
			}
		}
		last = jids[len(jids)-1]
	}
}

func (e *exporter) user(jid string) error {
	u, err := e.store.User(e.ctx, jid)
	if errors.Is(err, store.ErrNotFound) {
		return nil // he left meanwhile
	}
	if err != nil {
		return err
	}
	line := &user{
		JID: text(u.JID), Name: text(u.Name), Password: e.password(u.Password), Language: text(u.Language), Encoding: text(u.Encoding),
		VIP: u.VIP, Online: u.Online, Settings: texts(u.Settings),
	}
	if !u.LastLogin.IsZero() {
		line.LastLogin = &u.LastLogin
	}
	e.put(record{User: line})
	e.counts.Users++
	for _, part := range []func(int64) error{e.contacts, e.waiting, e.rooms, e.archive, e.personal} {
		if err := part(u.ID); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) password(s string) *text {
	if !e.passwords || s == "" {
		return nil
	}
	t := text(s)
	return &t
}

func (e *exporter) contacts(id int64) error {
	all, err := e.store.Contacts(e.ctx, id)
	for i := range all {
		c := &all[i]
		line := &contact{Name: text(c.Name), Subscription: text(c.Subscription), Nickname: text(c.Nickname), Flags: c.Flags, Settings: texts(c.Settings)}
		for _, g := range c.Groups {
			line.Groups = append(line.Groups, text(g))
		}
		e.put(record{Contact: line})
	}
	e.counts.Contacts += len(all)
	return err
}

// waiting reads the whole queue at once: the interface has no other way, and
// its length is limited.
func (e *exporter) waiting(id int64) error {
	all, err := e.store.Waiting(e.ctx, id, math.MaxInt32)
	for _, w := range all {
		e.put(record{Waiting: &waiting{Key: text(w.Key), Stanza: text(w.Stanza), At: w.At.UTC()}})
	}
	e.counts.Waiting += len(all)
	return err
}

func (e *exporter) rooms(id int64) error {
	all, err := e.store.Rooms(e.ctx, id)
	for _, r := range all {
		e.put(record{Room: &room{Name: text(r.Name), Nickname: text(r.Nickname), Password: e.password(r.Password)}})
	}
	e.counts.Rooms += len(all)
	return err
}

func (e *exporter) archive(id int64) error {
	for _, q := range []store.ArchiveQuery{{}, {Room: true}} {
		for {
			all, err := e.store.Archived(e.ctx, id, q, false, page)
			if err != nil {
				return err
			}
			for i := range all {
				m := &all[i]
				e.put(record{Archived: &archived{Seq: m.Seq, Room: m.Room, Peer: text(m.Peer), Resource: text(m.Resource), ID: text(m.ID), Stanza: text(m.Stanza)}})
			}
			e.counts.Archived += len(all)
			if len(all) < page {
				break
			}
			q.After = all[len(all)-1].Seq
		}
	}
	return nil
}

func (e *exporter) personal(id int64) error {
	all, err := e.store.PersonalItems(e.ctx, id, "", "")
	for i := range all {
		it := &all[i]
		e.put(record{Personal: &personal{Kind: text(it.Kind), Node: text(it.Node), Item: text(it.Item), Order: it.Order, Value: text(it.Value)}})
	}
	e.counts.Personal += len(all)
	return err
}
