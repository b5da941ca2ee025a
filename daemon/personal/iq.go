// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/private"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// requestTime bounds what one request may take.
const requestTime = 30 * time.Second

// request is what a client asks.
type request struct {
	iq, payload *xmpp.Element
	// from is the client's full JID, room the room's bare JID where its
	// archive is asked, "" for the account.
	from, room string
	// later runs after the answer was found and others may go on.
	later []func(context.Context)
}

// handler answers with a payload, nil for an empty result, or an error, which
// the client is told in full only if it is a refusal.
type handler struct {
	answer func(*Services, context.Context, *request) (*xmpp.Element, error)
	// turns: it reads and changes what other requests may change.
	turns bool
}

type question struct{ typ, space, name string }

// ofAccount are the questions to the user's own account, ofRooms those to a
// room's archive.
var (
	ofAccount = map[question]handler{
		{"get", mam.NS, "query"}:               {(*Services).archiveForm, false},
		{"set", mam.NS, "query"}:               {(*Services).queryArchive, false},
		{"get", mam.NS, "metadata"}:            {(*Services).archiveEnds, false},
		{"get", mam.NS, "prefs"}:               {(*Services).getPrefs, false},
		{"set", mam.NS, "prefs"}:               {(*Services).setPrefs, true},
		{"get", private.NS, "query"}:           {(*Services).getPrivate, true},
		{"set", private.NS, "query"}:           {(*Services).setPrivate, true},
		{"get", blocking.NS, blocking.List}:    {(*Services).getBlocked, true},
		{"set", blocking.NS, blocking.Block}:   {(*Services).block, true},
		{"set", blocking.NS, blocking.Unblock}: {(*Services).unblock, true},
		{"get", pubsub.NS, "pubsub"}:           {(*Services).getNodes, true},
		{"set", pubsub.NS, "pubsub"}:           {(*Services).setNodes, true},
		{"get", pubsub.NSOwner, "pubsub"}:      {(*Services).getOwn, true},
		{"set", pubsub.NSOwner, "pubsub"}:      {(*Services).setOwn, true},
		{"get", disco.NSItems, "query"}:        {(*Services).listNodes, true},
		{"get", disco.NSInfo, "query"}:         {(*Services).nodeInfo, true},
	}
	ofRooms = map[question]handler{
		{"get", mam.NS, "query"}:    {(*Services).archiveForm, false},
		{"set", mam.NS, "query"}:    {(*Services).queryArchive, false},
		{"get", mam.NS, "metadata"}: {(*Services).archiveEnds, false},
	}
)

// IQ answers a request of one of the user's clients to his own account, or to
// the archive of a room. handled is false, and nothing happened, for what is
// not kept here; otherwise there is a reply. It waits for the database, and
// may have sent to the asking client before it returns.
func (s *Services) IQ(ctx context.Context, iq *xmpp.Element) (reply *xmpp.Element, handled bool) {
	r, h := s.ask(iq)
	if h.answer == nil {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	payload, err := s.answer(ctx, r, h)
	for _, f := range r.later {
		f(ctx)
	}
	if err != nil {
		return s.errorReply(r, err), true
	}
	return xmpp.Result(iq).Add(payload), true
}

// ask finds out who has to answer; nobody for what is not asked of the user's
// account or a room by one of his clients.
func (s *Services) ask(iq *xmpp.Element) (*request, handler) {
	if !xmpp.IsRequest(iq) || iq.Get("id") == "" {
		return nil, handler{}
	}
	from, err := xmpp.ParseJID(iq.Get("from"))
	if err != nil || !from.Bare().Equal(s.user) {
		return nil, handler{}
	}
	r := &request{iq: iq, payload: iq.First(), from: from.String()}
	table := ofAccount
	if to := iq.Get("to"); to != "" {
		j, err := xmpp.ParseJID(to)
		if err != nil || j.Resourcepart() != "" {
			return nil, handler{}
		}
		if !j.Equal(s.user) {
			table, r.room = ofRooms, j.String()
		}
	}
	if r.payload == nil {
		return nil, handler{}
	}
	h := table[question{iq.Get("type"), r.payload.Space, r.payload.Name}]
	if !s.serves(r) {
		h.answer = nil
	}
	return r, h
}

// serves reports whether what is asked is switched on, and ours.
func (s *Services) serves(r *request) bool {
	switch messages, rooms := s.archive.keeps(); r.payload.Space {
	case mam.NS:
		return messages && (rooms || r.room == "")
	case disco.NSInfo:
		return r.payload.Get("node") != "" // the account's own are not only ours
	}
	return true
}

func (s *Services) answer(ctx context.Context, r *request, h handler) (*xmpp.Element, error) {
	if h.turns {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		defer s.release()
	}
	return h.answer(s, ctx, r)
}

// errorReply tells the client what went wrong, in full where it is its own
// doing.
func (s *Services) errorReply(r *request, err error) *xmpp.Element {
	var no *refusal
	if errors.As(err, &no) {
		return no.reply(r.iq)
	}
	s.log.Warn("request of a client failed", "client", r.from, "space", r.payload.Space, "err", err)
	return xmpp.ErrorReply(r.iq, "wait", xmpp.InternalServerError, "The database cannot be reached now; try again later")
}
