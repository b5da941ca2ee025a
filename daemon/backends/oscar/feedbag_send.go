// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"
)

// The server's answers to edits of the feedbag, one for each item.
const (
	bagDone         = 0x00
	bagNotFound     = 0x02
	bagExists       = 0x03
	bagInvalid      = 0x0a
	bagFull         = 0x0c
	bagNoICQ        = 0x0d
	bagAuthRequired = 0x0e
)

var bagTexts = map[uint16]string{
	bagNotFound: "the network does not find this on your contact list",
	bagExists:   "the network says that this is on your contact list already",
	bagInvalid:  "the network does not take this for its contact list; perhaps there is no such account",
	bagFull:     "your contact list on the network is full",
	bagNoICQ:    "ICQ contacts cannot be on an AIM contact list",
}

// bagError is a refused edit.
type bagError struct {
	code uint16
	item *bagItem
}

func (e *bagError) Error() string {
	if text := bagTexts[e.code]; text != "" {
		return text
	}
	return fmt.Sprintf("the network refused the change of your contact list (error 0x%02x)", e.code)
}

// editing is taken by who changes the feedbag, for as long as the server takes
// to confirm.
func (s *session) editing(ctx context.Context) (done func(), err error) {
	select {
	case s.edits <- struct{}{}:
		return func() { <-s.edits }, nil
	case <-s.over:
		return nil, errEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// change plans an edit in a copy of the feedbag, tells the server, and does
// the same here as far as the server did. Only who has editing may call it.
func (s *session) change(ctx context.Context, l *link, plan func(*edit)) error {
	s.mu.Lock()
	e := edit{bag: s.bag.clone()}
	s.mu.Unlock()
	plan(&e)
	if e.empty() {
		return nil
	}
	if err := l.send(wire.Feedbag, wire.FeedbagStartCluster, nil); err != nil {
		return err
	}
	err := s.tell(ctx, l, wire.FeedbagInsertItem, e.inserts)
	if err == nil {
		err = errors.Join(
			s.tell(ctx, l, wire.FeedbagUpdateItem, e.updates),
			s.tell(ctx, l, wire.FeedbagDeleteItem, e.deletes),
		)
	}
	return errors.Join(err, l.send(wire.Feedbag, wire.FeedbagEndCluster, nil))
}

// perSNAC is how many items go into one SNAC.
const perSNAC = 100

// tell tells the server about items, and does here what it did.
func (s *session) tell(ctx context.Context, l *link, sub uint16, items []*bagItem) error {
	var all error
	for len(items) > 0 {
		n := min(len(items), perSNAC)
		all = errors.Join(all, s.tellSome(ctx, l, sub, items[:n]))
		items = items[n:]
	}
	return all
}

func (s *session) tellSome(ctx context.Context, l *link, sub uint16, items []*bagItem) error {
	var body raw
	for _, it := range items {
		body = it.append(body)
	}
	reply, err := l.request(ctx, wire.Feedbag, sub, body)
	if err != nil {
		return fmt.Errorf("change the contact list: %w", err)
	}
	c := cursor{b: reply.body}
	var done []*bagItem
	for _, it := range items {
		if code := c.u16(); code != bagDone {
			err = errors.Join(err, &bagError{code, it})
			continue
		}
		done = append(done, it)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range done {
		if sub == wire.FeedbagDeleteItem {
			s.bag.remove(it.bagPlace)
		} else {
			s.bag.put(it)
		}
	}
	return err
}

// setItem inserts or changes the item of that class and name outside all
// groups: the buddy icon, preferences.
func (s *session) setItem(ctx context.Context, class uint16, name string, tlvs ...wire.TLV) error {
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	done, err := s.editing(ctx)
	if err != nil {
		return err
	}
	defer done()
	var attrs []byte
	for _, t := range tlvs {
		attrs = appendTLV(attrs, t.Tag, t.Value)
	}
	return s.change(ctx, l, func(e *edit) {
		if it := e.bag.find(class, normal(name)); it != nil {
			changed := *it
			changed.attrs = attrs
			e.update(&changed)
			return
		}
		e.insert(&bagItem{bagPlace: bagPlace{0, e.bag.freeID()}, class: class, name: name, attrs: attrs})
	})
}

// item is what the feedbag has of that class and name.
func (s *session) item(class uint16, name string) (tlvs []tlv, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.bag.find(class, normal(name))
	if it == nil {
		return nil, false
	}
	c := cursor{b: it.attrs}
	return c.tlvs(), true
}
