// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"sync"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/rosterx"
)

// maxCaps is how many kinds of clients a CapsCache remembers.
const maxCaps = 1000

// CapsCache remembers what kinds of clients can (XEP-0115), for all sessions of
// an instance: each kind is asked once. All methods are for any goroutine.
type CapsCache struct {
	mu    sync.Mutex
	known map[string]abilities
}

// abilities are those of a client that a session cares about.
type abilities struct{ exchange, notify bool }

func abilitiesOf(i disco.Info) abilities {
	return abilities{exchange: i.Has(rosterx.NS), notify: i.Has(avatar.Notify)}
}

// NewCapsCache makes an empty one.
func NewCapsCache() *CapsCache { return &CapsCache{} }

func (c *CapsCache) get(ver string) (abilities, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.known[ver]
	return a, ok
}

// put remembers a kind; where there are too many, some other is forgotten.
func (c *CapsCache) put(ver string, a abilities) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[string]abilities)
	}
	for old := range c.known {
		if len(c.known) < maxCaps {
			break
		}
		delete(c.known, old)
	}
	c.known[ver] = a
}

// noteCaps finds out what a client can from its presence, and asks where this
// kind of client is not known yet.
func (s *Session) noteCaps(ctx context.Context, x *client, st *xmpp.Element) {
	caps, ok := disco.CapsOf(st)
	if !ok || caps.Hash != "sha-1" || caps.Ver == "" || caps.Ver == x.ver {
		return
	}
	x.ver = caps.Ver
	if a, known := s.o.Caps.get(caps.Ver); known {
		s.learn(ctx, x, a)
		return
	}
	if x.exchange == unasked {
		x.exchange = asked
	}
	s.askClient(ctx, x.full, disco.InfoQuery(caps.Node+"#"+caps.Ver), func(ctx context.Context, s *Session, answer *xmpp.Element) {
		var a abilities
		if answer != nil && answer.Get("type") == "result" {
			info := disco.ParseInfo(answer.Child(disco.NSInfo, "query"))
			// A client that says something else than its hash must not speak
			// for others.
			if a = abilitiesOf(info); info.Hash() == caps.Ver {
				s.o.Caps.put(caps.Ver, a)
			}
		}
		if s.clients.list[x.resource] == x && x.ver == caps.Ver {
			s.learn(ctx, x, a)
		}
		s.syncRoster()
	})
}

// learn notes what a client can.
func (s *Session) learn(ctx context.Context, x *client, a abilities) {
	if x.exchange == unasked || x.exchange == asked {
		x.exchange = unable
		if a.exchange {
			x.exchange = able
		}
	}
	if was := x.notify; a.notify != was {
		if x.notify = a.notify; x.notify {
			s.showPictures(ctx, x)
		}
	}
}
