// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp/relay"
)

// maxWays bounds what is known of one user's resources: he chooses their names.
const maxWays = 64

// came notes the way on which a user's client sends. via is "" for our own.
func (c *cluster) came(user, resource, via string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ways := c.indirect[user]
	if len(ways) >= maxWays { // of resources that have gone, the most
		clear(ways)
	}
	switch {
	case via == "" && ways == nil:
	case via == "":
		if delete(ways, resource); len(ways) == 0 {
			delete(c.indirect, user)
		}
	case ways == nil:
		c.indirect[user] = map[string]string{resource: via}
	default:
		ways[resource] = via
	}
}

// direct reports whether one of the user's clients comes to this node itself.
func (c *cluster) direct(user string, s *session.Session) bool {
	_, direct := c.way(user, s.Status().Resources)
	return direct
}

// way looks by which way the clients of a user's come that are online: by way
// of another node, "" without any, or one of them to this node itself.
func (c *cluster) way(user string, online []string) (via string, direct bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range online {
		if via = c.indirect[user][resource]; via == "" || via == c.name {
			return "", true
		}
	}
	return via, false
}

// offer gives a user away who has clients, but none here any more, to a node
// that one of them comes to.
func (c *cluster) offer(user string, s *session.Session) {
	via, direct := c.way(user, s.Status().Resources)
	if via == "" || direct {
		return
	}
	c.mu.Lock()
	recently := time.Since(c.offered[user].at) < offerEvery
	if !recently {
		c.offered[user] = offer{node: via, at: time.Now()}
	}
	c.mu.Unlock()
	if !recently {
		c.soon(relay.NewOffer(c.alias(c.name), c.alias(via), user))
	}
}

// offerAll gives users away whose last client of ours has gone.
func (c *cluster) offerAll() {
	c.mu.Lock()
	all := slices.Collect(maps.Keys(c.indirect))
	c.mu.Unlock()
	for _, user := range all {
		if s := c.sessions.get(user); s != nil {
			c.offer(user, s)
		} else if c.sessions.vacant(user) {
			c.left(user)
		}
	}
}

// offeredTo is the node that was offered the user a moment ago.
func (c *cluster) offeredTo(user string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.offered[user]
	delete(c.offered, user)
	if time.Since(o.at) > 2*requestTime {
		return ""
	}
	return o.node
}

// ask makes whoever claims the user request him; done ends that.
func (c *cluster) ask(user string) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking[user] = true
	delete(c.away, user)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.asking, user)
	}
}

// tidy forgets what is too old to be of use.
func (c *cluster) tidy() {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, a := range c.away {
		if now.After(a.until) {
			delete(c.away, user)
		}
	}
	for user, o := range c.offered {
		if now.Sub(o.at) > 2*requestTime {
			delete(c.offered, user)
		}
	}
	for node, until := range c.deaf {
		if now.After(until) {
			delete(c.deaf, node)
		}
	}
	for node, at := range c.blamed {
		if now.Sub(at) > blameEvery {
			delete(c.blamed, node)
		}
	}
	for user, times := range c.moves {
		if now.Sub(times[len(times)-1]) > moveTime {
			delete(c.moves, user)
		}
	}
}
