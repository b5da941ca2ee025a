// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// requestTimeout is how long an answer is waited for, of a client or of the
// backend.
const requestTimeout = 30 * time.Second

// requests are the questions that wait for an answer: IQs that the session
// sent to clients, and vCards that clients want from the network.
type requests struct {
	iqs    map[string]*request
	vcards map[int32]*vcardRequest
	lastID int32
}

// request is an IQ to a client. then gets nil if no answer came.
type request struct {
	to    string
	then  func(ctx context.Context, s *Session, answer *xmpp.Element)
	timer *timer
}

func newRequests() requests {
	return requests{iqs: make(map[string]*request), vcards: make(map[int32]*vcardRequest)}
}

// askClient sends an IQ get from the transport to a client.
func (s *Session) askClient(ctx context.Context, to string, payload *xmpp.Element,
	then func(ctx context.Context, s *Session, answer *xmpp.Element)) {
	s.request(ctx, "get", to, payload, then)
}

// request sends an IQ from the transport to a client of the user's.
func (s *Session) request(ctx context.Context, typ, to string, payload *xmpp.Element,
	then func(ctx context.Context, s *Session, answer *xmpp.Element)) {
	id := newOwnID()
	s.requests.iqs[id] = &request{to: to, then: then, timer: s.timers.after(requestTimeout, unanswered{id})}
	s.send(ctx, xmpp.NewIQ(typ, s.set.Addresses.Transport, to, id).Add(payload))
}

// answered takes the answer to an IQ of the session's own. Only who was asked
// can answer.
func (s *Session) answered(ctx context.Context, st *xmpp.Element) {
	r := s.requests.iqs[st.Get("id")]
	if r == nil || r.to != st.Get("from") {
		s.log.Debug("answer to nothing", "from", st.Get("from"))
		return
	}
	s.timers.stop(r.timer)
	delete(s.requests.iqs, st.Get("id"))
	r.then(ctx, s, st)
}

// unanswered: the time for an answer is over.
type unanswered struct{ id string }

func (e unanswered) apply(ctx context.Context, s *Session) {
	if r := s.requests.iqs[e.id]; r != nil {
		delete(s.requests.iqs, e.id)
		r.then(ctx, s, nil)
	}
}
