// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/relay"
)

// aliasWorks is told by the component, for each link.
func (c *cluster) aliasWorks(yes bool) {
	c.relays.Store(yes)
	if !yes {
		c.log.Error("the XMPP server does not deliver this machine's alias: add it to the hosts of the component's listener (spectrum2-cluster(7)); until then users with clients at several machines are not served",
			"alias", c.alias(c.name))
	}
}

// whereIs is the node to hand a user's stanza on to without asking the
// database, "" if that is not known. What another node handed on goes by the
// database, unless this one has just given the user away.
func (c *cluster) whereIs(user string, handedOn bool) string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, known := c.away[user]
	if known && time.Now().After(a.until) {
		delete(c.away, user)
		known = false
	}
	if !known || !c.relays.Load() || c.asking[user] || handedOn && !a.given || !c.hearsLocked(a.node) {
		return ""
	}
	return a.node
}

// ownerTime bounds the look for a user's owner.
const ownerTime = 3 * time.Second

// owner is the other node that has a user, "" if none has or nobody knows.
func (c *cluster) owner(ctx context.Context, user string) string {
	if !c.isMember() || c.another() == "" || !c.relays.Load() || c.lost.Load() || c.sessions.get(user) != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, ownerTime)
	defer cancel()
	node, err := c.store.Owner(ctx, user)
	if err != nil || node == c.name || node == "" || !c.hears(node) {
		return ""
	}
	return node
}

// relayed is a stanza on its way to another node.
type relayed struct {
	incoming
	node string
	due  time.Time
}

const (
	// maxRelayed bounds what is on its way.
	maxRelayed = 10000
	// relayTime is how long the other node has to say that it took a stanza.
	relayTime = 5 * time.Second
	// deafTime is how long nothing is handed on to a node that the XMPP server
	// does not know. A dead one has no lease any more then.
	deafTime = 15 * time.Second
)

// handOn sends a stanza of a user to the node that has him. It never waits.
func (c *cluster) handOn(node string, in incoming) {
	st, origin := in.st, in.origin
	if origin == "" {
		origin = c.name
	}
	user := bare(st.Get("from"))
	request := relay.New(c.alias(c.name), c.alias(node), origin, st)
	c.mu.Lock()
	full := len(c.relayed) >= maxRelayed
	if !full {
		c.relayed[request.Get("id")] = relayed{in, node, time.Now().Add(relayTime)}
	}
	if a := c.away[user]; !a.given && a.node != node { // or what is old would be believed for ever
		c.away[user] = away{node: node, until: time.Now().Add(awayTime)}
	}
	c.mu.Unlock()
	if full {
		c.log.Warn("stanza refused: too many are on their way to other machines", "user", user)
		c.soon(xmpp.ErrorReply(st, "", xmpp.ResourceConstraint, "Too much is waiting. Please try again in a moment."))
		return
	}
	c.soon(request)
}

// soon sends a stanza behind the caller. Where too much waits already it is not
// sent: who does not hear of a request counts it as lost.
func (c *cluster) soon(st *xmpp.Element) {
	if st == nil {
		return
	}
	select {
	case c.out <- func(ctx context.Context) { c.send(ctx, st) }:
	default:
	}
}

func (c *cluster) sendOut(ctx context.Context) {
	for {
		select {
		case send := <-c.out:
			send(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// flush waits for what is to be sent soon.
func (c *cluster) flush(ctx context.Context) {
	if !c.isMember() {
		return
	}
	sent := make(chan struct{})
	select {
	case c.out <- func(context.Context) { close(sent) }:
	case <-ctx.Done():
		return
	}
	select {
	case <-sent:
	case <-ctx.Done():
	}
}

// fromOthers takes what other nodes of the domain send, and reports whether st
// was that. They alone can send from an alias to an alias; everybody can have a
// resource that ends like one.
func (c *cluster) fromOthers(ctx context.Context, r *router, st *xmpp.Element) bool {
	node, yes := strings.CutSuffix(st.Get("from"), "."+c.jid)
	if !yes || strings.ContainsAny(node, "@/") || st.Get("to") != c.alias(c.name) {
		return false
	}
	switch st.Get("type") {
	case "set":
		if inner := relay.Of(st); inner != nil {
			origin := relay.Origin(st)
			if origin == "" {
				origin = node
			}
			r.handedOn(ctx, incoming{st: inner, sender: node, origin: origin})
		} else if user := relay.OfferOf(st); user != "" {
			r.take(user)
		}
		c.soon(xmpp.Result(st))
	case "result", "error":
		c.settled(ctx, st)
	}
	return true
}

// settled gets another node's word that it took a stanza, or the XMPP server's
// that it could not be delivered.
func (c *cluster) settled(ctx context.Context, answer *xmpp.Element) {
	id := answer.Get("id")
	condition, _ := xmpp.ErrorOf(answer)
	// Any other error is about this stanza, and its user's alone.
	absent := condition == xmpp.RemoteServerNotFound || condition == xmpp.RemoteServerTimeout
	c.mu.Lock()
	r, known := c.relayed[id]
	delete(c.relayed, id)
	if known && absent {
		c.deaf[r.node] = time.Now().Add(deafTime)
	}
	c.mu.Unlock()
	switch {
	case !known || answer.Get("type") != "error":
	case absent:
		c.undelivered(ctx, r)
	default:
		c.returned(r)
	}
}

// undelivered gets a stanza that certainly did not arrive: it waits until the
// user may be had from that node, or its lease ends.
func (c *cluster) undelivered(ctx context.Context, r relayed) {
	to, err := xmpp.ParseJID(r.st.Get("to"))
	if err != nil || to.Localpart() == "" && !forSession(r.st) {
		c.returned(r)
		return
	}
	r.again = true
	c.router.toSession(ctx, bare(r.st.Get("from")), r.incoming)
}

// watchRelayed looks after stanzas that other nodes do not take.
func (c *cluster) watchRelayed(ctx context.Context) {
	tick := time.NewTicker(relayTime / 5)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.overdue()
		case <-ctx.Done():
			return
		}
	}
}

// overdue gives up what other nodes did not take in time.
func (c *cluster) overdue() {
	now := time.Now()
	var late []relayed
	c.mu.Lock()
	for id, r := range c.relayed {
		if now.After(r.due) {
			late = append(late, r)
			delete(c.relayed, id)
		}
	}
	c.mu.Unlock()
	for _, r := range late {
		c.returned(r)
	}
}

// blameEvery is how often the log hears of a node that does not take stanzas.
const blameEvery = 10 * time.Second

// returned gets a stanza that perhaps did not arrive. The user hears of it; of
// presence he does not, unless it is for a room: he is asked for it again when
// nobody has him.
func (c *cluster) returned(r relayed) {
	c.mu.Lock()
	if user := bare(r.st.Get("from")); c.away[user].node == r.node {
		delete(c.away, user)
	}
	news := time.Since(c.blamed[r.node]) > blameEvery
	if news {
		c.blamed[r.node] = time.Now()
	}
	c.mu.Unlock()
	if news {
		c.log.Warn("a machine perhaps does not take stanzas of its users; they are told", "node", r.node)
	}
	c.log.Debug("stanza was perhaps not taken by the machine that has its user", "node", r.node, "from", r.st.Get("from"), "kind", r.st.Name)
	if r.st.Name != "presence" || r.st.Child(nsMUC, "x") != nil {
		c.soon(xmpp.ErrorReply(r.st, "", xmpp.RemoteServerTimeout,
			"Another machine of this transport ("+r.node+") serves you and does not answer. This may not have been delivered."))
	}
}
