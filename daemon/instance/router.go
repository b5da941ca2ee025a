// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Bounds of what users can have waiting outside their sessions.
const (
	laneLimit   = 128  // stanzas of one user while his session is being made
	taskLimit   = 1000 // requests to the transport itself, of all users
	userTasks   = 16   // and of one user
	postTimeout = 200 * time.Millisecond
)

// router decides for each stanza from the XMPP server who has to see it:
// sessions get what goes to contacts and rooms, the instance answers for the
// transport's own address. It never waits for a database or a network in the
// link's reader.
type router struct {
	*Instance

	mu    sync.Mutex
	lanes map[string]*lane
	tasks map[string]int
	total int
}

// incoming is a stanza of a user's.
type incoming struct {
	st *xmpp.Element
	// sender is the machine that handed it on, origin the one that the XMPP
	// server gave it to; both are empty where that is this one.
	sender, origin string
	// again: it had been given to a session that has just ended.
	again bool
}

// lane keeps a user's stanzas in order while his session is being made.
type lane struct {
	waiting []incoming
	// ask: another machine has him, and gives him away.
	ask bool
}

func newRouter(i *Instance) *router {
	return &router{Instance: i, lanes: map[string]*lane{}, tasks: map[string]int{}}
}

// handle is called by the component for each stanza, in order.
func (r *router) handle(ctx context.Context, st *xmpp.Element) {
	if r.cluster.isMember() && r.cluster.fromOthers(ctx, r, st) {
		return
	}
	from, err := xmpp.ParseJID(st.Get("from"))
	if err != nil || from.Localpart() == "" && from.Domainpart() == r.jid {
		return
	}
	to, err := xmpp.ParseJID(st.Get("to"))
	if err != nil || to.Domainpart() != r.jid {
		r.send(ctx, xmpp.ErrorReply(st, "", xmpp.JIDMalformed, "That address does not exist here."))
		return
	}
	if st.Name == "message" && xmpp.Body(st) != "" && st.Get("type") != "error" {
		r.fromXMPP.Add(1)
	}
	user := from.Bare().String()
	r.cluster.came(user, from.Resourcepart(), "")
	if to.Localpart() != "" || forSession(st) {
		r.toSession(ctx, user, incoming{st: st})
		return
	}
	if r.sessions.get(user) == nil {
		if node := r.cluster.whereIs(user, false); node != "" {
			r.cluster.handOn(node, incoming{st: st})
			return
		}
	}
	r.task(ctx, user, st, func(ctx context.Context) {
		if node := r.cluster.owner(ctx, user); node != "" {
			r.cluster.handOn(node, incoming{st: st})
			return
		}
		r.own(ctx, from, st)
	})
}

// forSession picks what a session wants although it goes to the transport.
func forSession(st *xmpp.Element) bool {
	switch st.Name {
	case "presence":
		return true
	case "iq":
		return !xmpp.IsRequest(st) && session.OwnID(st.Get("id"))
	}
	return false
}

// handedOn takes a stanza that came to another machine.
func (r *router) handedOn(ctx context.Context, in incoming) {
	st := in.st
	from, err := xmpp.ParseJID(st.Get("from"))
	to, terr := xmpp.ParseJID(st.Get("to"))
	if err != nil || terr != nil || from.Domainpart() == r.jid || to.Domainpart() != r.jid {
		return
	}
	user := from.Bare().String()
	r.cluster.came(user, from.Resourcepart(), in.origin)
	if to.Localpart() == "" && !forSession(st) {
		r.task(ctx, user, st, func(ctx context.Context) { r.own(ctx, from, st) })
		return
	}
	r.toSession(ctx, user, in)
	if s := r.sessions.get(user); s != nil {
		r.cluster.offer(user, s)
	}
}

// toSession hands a stanza to the user's session, or into his lane where he
// has none yet, or to the machine that has him.
func (r *router) toSession(ctx context.Context, user string, in incoming) {
	r.mu.Lock()
	l := r.lanes[user]
	if l == nil {
		if node := r.cluster.whereIs(user, in.sender != "" || in.again); node != "" && node != in.sender {
			r.mu.Unlock()
			r.cluster.handOn(node, in)
			return
		}
		if s := r.sessions.get(user); s != nil {
			r.mu.Unlock()
			r.deliver(ctx, user, s, in)
			return
		}
		l = r.laneLocked(user)
	}
	full := len(l.waiting) >= laneLimit
	if !full {
		l.waiting = append(l.waiting, in)
	}
	r.mu.Unlock()
	if full {
		r.log.Warn("stanza refused: too many wait for the user's session", "user", user)
		r.send(ctx, xmpp.ErrorReply(in.st, "", xmpp.ResourceConstraint, "Too much is waiting for your session. Please try again in a moment."))
	}
}

// laneLocked opens a lane for a user who has none.
func (r *router) laneLocked(user string) *lane {
	l := &lane{}
	r.lanes[user] = l
	r.spawn(func(ctx context.Context) { r.drain(ctx, user, l) })
	return l
}

// take requests a user whom another machine gives away; what he sends meanwhile
// waits in his lane.
func (r *router) take(user string) {
	if r.sessions.get(user) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lanes[user] == nil {
		r.cluster.ask(user)
		r.laneLocked(user).ask = true
	}
}

// deliver posts to a running session; one that has just ended sends the stanza
// into the user's lane.
func (r *router) deliver(ctx context.Context, user string, s *session.Session, in incoming) {
	err := s.StanzaWithin(ctx, postTimeout, in.st)
	switch {
	case err == nil:
	case errors.Is(err, session.ErrEnded):
		r.sessions.forget(user, s)
		in.again = true // what is known of him may be old
		r.toSession(ctx, user, in)
	default:
		r.log.Warn("stanza refused: the session is busy", "user", user, "err", err)
		r.send(ctx, xmpp.ErrorReply(in.st, "", xmpp.ResourceConstraint, "Your session is busy. Please try again in a moment."))
	}
}

// drain empties a lane into the user's session, and closes it when it is empty.
func (r *router) drain(ctx context.Context, user string, l *lane) {
	r.request(ctx, user, l)
	for {
		r.mu.Lock()
		if len(l.waiting) == 0 {
			delete(r.lanes, user)
			r.mu.Unlock()
			return
		}
		batch := l.waiting
		l.waiting = nil
		r.mu.Unlock()
		for _, in := range batch {
			r.admit(ctx, user, in)
		}
	}
}

// request makes the session of a user who was offered, and asks his server
// where all his clients are.
func (r *router) request(ctx context.Context, user string, l *lane) {
	r.mu.Lock()
	ask := l.ask
	r.mu.Unlock()
	if !ask {
		return
	}
	done := r.cluster.ask(user)
	defer done()
	if _, err := r.sessions.ensure(ctx, user, always); err != nil {
		r.log.Debug("user was not taken over", "user", user, "err", err)
		return
	}
	r.probe(ctx, user)
	r.resume(ctx, user)
}

// admit gives a stanza to the user's session, made if he is registered.
func (r *router) admit(ctx context.Context, user string, in incoming) {
	st := in.st
	post := func(s *session.Session) error { return s.Stanza(ctx, st) }
	err := r.sessions.withOwn(ctx, user, ifNeeded, post)
	var other *elsewhere
	if errors.As(err, &other) && other.node == in.sender { // it gives him away, and will not take this back
		err = r.sessions.withOwn(ctx, user, always, post)
	}
	if node := r.cluster.elsewhere(err); node != "" && node != in.sender {
		r.cluster.handOn(node, in)
		return
	}
	if err != nil && register.RefusalOf(err).Condition == "registration-required" && r.autoRegister(ctx, user, st) {
		err = r.sessions.withOwn(ctx, user, ifNeeded, post)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if register.RefusalOf(err).Condition == "registration-required" {
		r.stranger(ctx, st, err)
		return
	}
	r.send(ctx, r.refusal(st, err))
}

// stranger answers a user who is not registered. Presence that only says where
// he is gets no answer: he may just have the transport in his roster still.
func (r *router) stranger(ctx context.Context, st *xmpp.Element, err error) {
	if st.Name == "presence" {
		switch st.Get("type") {
		case "":
			if st.Child(nsMUC, "x") == nil {
				return
			}
		case "subscribe":
			r.send(ctx, xmpp.NewPresence("unsubscribed", st.Get("to"), bare(st.Get("from"))))
			return
		default:
			return
		}
	}
	r.send(ctx, r.refusal(st, err))
}

func bare(s string) string {
	j, err := xmpp.ParseJID(s)
	if err != nil {
		return s
	}
	return j.Bare().String()
}

// refusal makes the error stanza for err; the details of an internal one go to
// the log.
func (i *Instance) refusal(st *xmpp.Element, err error) *xmpp.Element {
	ref := register.RefusalOf(err)
	if ref.Condition == "internal-server-error" || ref.Condition == "resource-constraint" {
		i.log.Log(context.Background(), i.storeFailure(err), "request failed", "from", st.Get("from"), "kind", st.Name, "err", err)
	}
	return xmpp.ErrorReply(st, "", ref.Condition, ref.Text)
}

// autoRegister registers a user whose network needs nothing of him, at his
// first presence or room.
func (r *router) autoRegister(ctx context.Context, user string, st *xmpp.Element) bool {
	if st.Name != "presence" || st.Get("type") != "" {
		return false
	}
	r.awaitBackend(ctx)
	f := r.features()
	if f.NeedPassword && f.NeedRegistration {
		return false
	}
	if f.NeedRegistration && !r.Config().Registration.AutoRegister {
		return false
	}
	if err := r.registrar.Allowed(user); err != nil {
		r.send(ctx, r.refusal(st, err))
		return false
	}
	err := r.registrar.Auto(ctx, user, nameFor(user, st))
	if err != nil && register.RefusalOf(err).Condition != "conflict" {
		r.log.Error("user was not registered by himself", "user", user, "err", err)
		return false
	}
	return true
}

// nameFor is the legacy name of a user who never gave one: the nick that he
// joins a room with, or his own name.
func nameFor(user string, st *xmpp.Element) string {
	if to, err := xmpp.ParseJID(st.Get("to")); err == nil && to.Resourcepart() != "" && st.Child(nsMUC, "x") != nil {
		return to.Resourcepart()
	}
	j, err := xmpp.ParseJID(user)
	if err != nil || j.Localpart() == "" {
		return user
	}
	return j.Localpart()
}

// task runs a request to the transport itself in a goroutine of its own.
func (r *router) task(ctx context.Context, user string, st *xmpp.Element, f func(context.Context)) {
	r.mu.Lock()
	busy := r.total >= taskLimit || r.tasks[user] >= userTasks
	if !busy {
		r.total++
		r.tasks[user]++
	}
	r.mu.Unlock()
	if busy {
		r.log.Warn("request refused: too many are being worked on", "user", user)
		r.send(ctx, xmpp.ErrorReply(st, "", xmpp.ResourceConstraint, "The transport is busy. Please try again in a moment."))
		return
	}
	r.spawn(func(ctx context.Context) {
		defer r.taskDone(user)
		f(ctx)
	})
}

func (r *router) taskDone(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total--
	if r.tasks[user]--; r.tasks[user] == 0 {
		delete(r.tasks, user)
	}
}
