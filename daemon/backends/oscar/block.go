// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

var _ backend.BlockSession = (*session)(nil)

// mode is whom the user lets see and reach him; everybody where he has not
// said.
func (b *feedbag) mode() wire.FeedbagPDMode {
	for _, it := range b.items {
		if it.class != wire.FeedbagClassIdPdinfo {
			continue
		}
		if t, ok := it.attr(wire.FeedbagAttributesPdMode); ok && len(t.value) > 0 {
			return wire.FeedbagPDMode(t.value[0])
		}
	}
	return wire.FeedbagPDModePermitAll
}

// blocked reports whether the user blocks somebody by name.
func (b *feedbag) blocked(name string) bool {
	switch b.mode() {
	case wire.FeedbagPDModeDenySome:
		return b.find(wire.FeedbagClassIDDeny, name) != nil
	case wire.FeedbagPDModePermitSome:
		return b.find(wire.FeedbagClassIDPermit, name) == nil
	}
	return false
}

// Block blocks or unblocks somebody, who need not be on the list.
func (s *session) Block(ctx context.Context, name string, blocked bool) error {
	name = normal(name)
	if !validName(name, anyNetwork) || name == s.name {
		return fmt.Errorf("%q cannot be blocked", name)
	}
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	done, err := s.editing(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.block(ctx, l, name, blocked)
}

// block changes the permit or deny list, whichever counts. Only who has
// editing may call it.
func (s *session) block(ctx context.Context, l *link, name string, blocked bool) error {
	err := s.change(ctx, l, func(e *edit) {
		if e.bag.blocked(name) == blocked {
			return
		}
		if e.bag.mode() == wire.FeedbagPDModePermitSome {
			e.listed(wire.FeedbagClassIDPermit, name, !blocked)
			return
		}
		e.listed(wire.FeedbagClassIDDeny, name, blocked)
		if blocked && e.bag.mode() == wire.FeedbagPDModePermitAll {
			e.denySome()
		}
	})
	if err != nil {
		return fmt.Errorf("%s was not blocked or unblocked: %w", name, err)
	}
	s.mu.Lock()
	shown := s.shownLocked(name, s.contacts[name])
	s.mu.Unlock()
	s.show(shown)
	return nil
}

// listed puts a name on the permit or the deny list, or takes it off.
func (e *edit) listed(class uint16, name string, on bool) {
	it := e.bag.find(class, name)
	switch {
	case on && it == nil:
		e.insert(&bagItem{bagPlace: bagPlace{0, e.bag.freeID()}, class: class, name: name})
	case !on && it != nil:
		e.remove(it)
	}
}

// denySome makes the deny list count.
func (e *edit) denySome() {
	mode := []byte{byte(wire.FeedbagPDModeDenySome)}
	for _, it := range e.bag.items {
		if it.class == wire.FeedbagClassIdPdinfo {
			e.update(it.with(wire.FeedbagAttributesPdMode, mode))
			return
		}
	}
	e.insert(&bagItem{
		bagPlace: bagPlace{0, e.bag.freeID()}, class: wire.FeedbagClassIdPdinfo,
		attrs: appendTLV(nil, wire.FeedbagAttributesPdMode, mode),
	})
}
