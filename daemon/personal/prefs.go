// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"
	"sync/atomic"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

const kindPrefs = "prefs"

// maxPrefs bounds the addresses of the archiving preferences.
const maxPrefs = 1000

// prefsCell is what the user wants archived (XEP-0441); without any, all.
type prefsCell struct {
	p atomic.Pointer[prefs]
}

type prefs struct {
	mam.Prefs
	always, never map[string]bool
}

// want reports whether messages of and to that address are to be archived.
func (c *prefsCell) want(peer jid.JID) bool {
	p := c.p.Load()
	if p == nil {
		return true
	}
	switch bare := peer.String(); {
	case p.never[bare]:
		return false
	case p.always[bare]:
		return true
	}
	return p.Default != mam.Never
}

func (c *prefsCell) get() mam.Prefs {
	if p := c.p.Load(); p != nil {
		return p.Prefs
	}
	return mam.Prefs{Default: mam.Always}
}

func (s *Services) loadPrefs(ctx context.Context) error {
	items, err := s.store.PersonalItems(ctx, s.id, kindPrefs, mam.NS)
	if err != nil || len(items) == 0 {
		return err
	}
	e, err := xmpp.Parse(items[0].Value)
	if err != nil {
		return fmt.Errorf("read archiving preferences: %w", err)
	}
	p, err := mam.ParsePrefs(e)
	if err != nil {
		return fmt.Errorf("read archiving preferences: %w", err)
	}
	index, err := checkPrefs(p)
	s.prefs.p.Store(index)
	return err
}

// checkPrefs normalises p. The user's roster is the network's, and all who
// are on it are contacts: "roster" is everybody.
func checkPrefs(p mam.Prefs) (*prefs, error) {
	if len(p.Always)+len(p.Never) > maxPrefs {
		return nil, refuse(xmpp.ResourceConstraint, fmt.Sprintf("At most %d addresses", maxPrefs))
	}
	if p.Default == mam.Roster {
		p.Default = mam.Always
	}
	out := &prefs{Prefs: mam.Prefs{Default: p.Default}, always: map[string]bool{}, never: map[string]bool{}}
	for _, list := range []struct {
		from []string
		set  map[string]bool
		to   *[]string
	}{{p.Always, out.always, &out.Always}, {p.Never, out.never, &out.Never}} {
		for _, address := range list.from {
			j, err := bareOf(address)
			if err != nil {
				return nil, refuse(xmpp.JIDMalformed, "That is no address")
			}
			if bare := j.String(); !list.set[bare] {
				list.set[bare] = true
				*list.to = append(*list.to, bare)
			}
		}
	}
	return out, nil
}

func (s *Services) getPrefs(_ context.Context, _ *request) (*xmpp.Element, error) {
	return s.prefs.get().Element(), nil
}

func (s *Services) setPrefs(ctx context.Context, r *request) (*xmpp.Element, error) {
	p, err := mam.ParsePrefs(r.payload)
	if err != nil {
		return nil, refuse(xmpp.BadRequest, err.Error())
	}
	index, err := checkPrefs(p)
	if err != nil {
		return nil, err
	}
	e := index.Element()
	value := xmpp.Append(nil, e, "")
	if err := s.change(ctx, store.Change{Put: &store.Item{Kind: kindPrefs, Node: mam.NS, Value: value}}); err != nil {
		return nil, err
	}
	s.prefs.p.Store(index)
	return e, nil
}

// change makes changes in the database.
func (s *Services) change(ctx context.Context, changes ...store.Change) error {
	return s.store.ChangePersonal(ctx, s.opts.Token(), s.id, changes)
}
