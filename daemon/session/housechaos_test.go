// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// Whatever happens, a client that has asked for the roster once and takes the
// pushes has what the session says in the end; and every message is delivered
// once and in order, however often it came back.
func TestRosterAndMessagesThroughChaos(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inHouse(t, func(h *house) {
				h.net.features.Authorization = seed%2 == 0
				h.net.whole = seed%3 == 0
				if seed%5 == 0 {
					h.user.ID = 0
				}
			}, func(h *house) {
				c := &tumult{house: h, r: rand.New(rand.NewPCG(seed, 1)), has: map[string]rosteritem.Item{}}
				c.play()
			})
		})
	}
}

// tumult is a client amid all that.
type tumult struct {
	*house
	r    *rand.Rand
	has  map[string]rosteritem.Item
	said int
	got  []string
	away bool
}

func (c *tumult) play() {
	c.enters("a")
	c.attach("keeper") // so that the session lasts
	items, err := c.s.Roster(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, it := range items {
		c.has[it.JID] = it
	}
	for range 150 {
		c.act()
		if c.r.IntN(3) == 0 {
			c.wait(time.Duration(c.r.IntN(2000)) * time.Millisecond)
		}
		c.hear()
	}
	c.net.set(func(n *network) { n.away = false })
	c.book.fail(nil)
	c.wait(10 * time.Minute)
	c.away = false
	c.post("<presence from='" + me + "/a'><show>chat</show></presence>")
	c.wait(10 * time.Minute)
	c.hear()
	c.check()
}

// act is one thing that happens.
func (c *tumult) act() {
	name := fmt.Sprintf("c%d", c.r.IntN(8))
	address := name + "@gw.example"
	ctx := context.Background()
	var err error
	switch c.r.IntN(13) {
	case 0, 1:
		b := buddy(name, []pbnetwork.StatusType{stNone, stOnline, stAway}[c.r.IntN(3)])
		b.Alias = proto.String(fmt.Sprint("Alias ", c.r.IntN(3)))
		if c.r.IntN(3) == 0 {
			b.Authorization = pbnetwork.Authorization(c.r.IntN(4)).Enum()
		}
		c.buddyChanged(b)
	case 2:
		c.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, buddy(name, stNone)) })
	case 3:
		c.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy(name, stNone)) })
	case 4:
		list := &pbnetwork.Buddies{User: proto.String(me), Complete: proto.Bool(true)}
		for i := range c.r.IntN(8) {
			list.Buddy = append(list.Buddy, buddy(fmt.Sprintf("c%d", i), stNone))
		}
		c.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_BUDDIES, list) })
	case 5:
		err = c.s.EditContact(ctx, address, fmt.Sprint("Name ", c.r.IntN(3)), []string{fmt.Sprint("G", c.r.IntN(2))})
	case 6:
		if err = c.s.RemoveContact(ctx, address); errors.Is(err, session.ErrNoContact) {
			err = nil
		}
	case 7:
		c.says(address, []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"}[c.r.IntN(4)], "")
	case 8:
		err = c.s.Block(ctx, address, c.r.IntN(2) == 0)
	case 9:
		down := c.r.IntN(2) == 0
		c.net.set(func(n *network) { n.away = down })
		c.backend((*link).crash)
	case 10:
		c.book.fail([]error{nil, errors.New("not now")}[c.r.IntN(2)])
	case 11:
		c.away = !c.away // its stream is broken, which nobody sees yet
	case 12:
		if c.s.Status().State == session.Online {
			c.said++
			c.backend(func(l *link) { l.says("juliet", "", fmt.Sprintf("m%03d", c.said)) })
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// hear takes what came for the client; while its stream is broken messages go
// back.
func (c *tumult) hear() {
	for _, p := range c.book.take() {
		for _, it := range p {
			if it.Subscription == "remove" {
				delete(c.has, it.JID)
			} else {
				c.has[it.JID] = it
			}
		}
	}
	var back []*xmpp.Element
	for _, st := range messages(c.front.take()) {
		if c.away {
			back = append(back, st)
		} else {
			c.got = append(c.got, xmpp.Body(st))
		}
	}
	for _, st := range back {
		c.returns(st)
	}
	synctest.Wait()
}

func (c *tumult) check() {
	c.t.Helper()
	var mine []string
	for _, address := range slices.Sorted(maps.Keys(c.has)) {
		mine = append(mine, briefItem(c.has[address]))
	}
	c.compare(mine, c.roster())
	var want []string
	last := map[string]int{}
	for i, text := range c.got {
		if _, twice := last[text]; twice {
			c.t.Errorf("%s came twice", text)
		}
		last[text] = i
	}
	for i := range c.said {
		want = append(want, fmt.Sprintf("m%03d", i+1))
	}
	got := slices.DeleteFunc(slices.Clone(c.got), func(s string) bool { return s[0] != 'm' })
	c.compare(got, want)
}
