// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"slices"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
)

// maxInflight bounds the messages that a backend has not answered for.
const maxInflight = 1000

// inflight are the messages that a backend of level 1 or above took and has not
// confirmed. A version 1 backend confirms nothing: what it took is its own.
type inflight struct {
	byID  map[string]*sentMessage
	order []string
}

// sentMessage is one of them; room is set where it has to be reflected.
type sentMessage struct {
	st   *xmpp.Element
	room *chatRoom
}

func newInflight() inflight { return inflight{byID: make(map[string]*sentMessage)} }

func (f *inflight) full() bool { return len(f.byID) >= maxInflight }

func (f *inflight) add(id string, st *xmpp.Element, room *chatRoom) {
	f.byID[id] = &sentMessage{st, room}
	f.order = append(f.order, id)
}

func (f *inflight) take(id string) *sentMessage {
	m := f.byID[id]
	if m == nil {
		return nil
	}
	delete(f.byID, id)
	if i := slices.Index(f.order, id); i >= 0 {
		f.order = slices.Delete(f.order, i, i+1)
	}
	return m
}

// onMessageResult: the backend says what became of a message.
func onMessageResult(ctx context.Context, s *Session, r *pbnetwork.MessageResult) {
	m := s.inflight.take(r.GetMessageId())
	if m == nil {
		s.log.Debug("result of no message", "id", r.GetMessageId())
		return
	}
	reason := sentence(r.GetReason())
	switch r.GetOutcome() {
	case pbnetwork.MessageResult_DELIVERED:
		if m.room != nil {
			s.reflect(ctx, m.room, m.st, r.GetRemoteId())
		}
	case pbnetwork.MessageResult_FAILED:
		s.receipts.forget(m.st)
		s.refuse(ctx, m.st, condition(r.GetCondition(), xmpp.ServiceUnavailable), withText("Not delivered", reason))
	default:
		s.refuse(ctx, m.st, condition(r.GetCondition(), xmpp.RemoteServerTimeout), withText("The message may not have been delivered", reason))
	}
}

// returnInflight sends back what nobody will answer for any more, in order.
// Nothing is sent twice: the network may have it.
func (s *Session) returnInflight(ctx context.Context, why string) {
	order, byID := s.inflight.order, s.inflight.byID
	s.inflight = newInflight()
	for _, id := range order {
		s.refuse(ctx, byID[id].st, xmpp.RemoteServerTimeout, withText("The message may not have been delivered", sentence(why)))
	}
}

// maxReceipts bounds the receipts that are waited for; the oldest are given up.
const maxReceipts = 200

// receiptsWanted are the messages whose arrival a client wants to hear of (XEP-0184).
type receiptsWanted struct {
	byID  map[string]*xmpp.Element
	order []string
}

// expect remembers a message with its id.
func (r *receiptsWanted) expect(id string, st *xmpp.Element) {
	if r.byID == nil {
		r.byID = make(map[string]*xmpp.Element)
	}
	if r.byID[id] == nil {
		r.order = append(r.order, id)
	}
	r.byID[id] = st
	if len(r.order) > maxReceipts {
		delete(r.byID, r.order[0])
		r.order = slices.Delete(r.order, 0, 1)
	}
}

func (r *receiptsWanted) forget(st *xmpp.Element) {
	id := st.Get("id")
	if r.byID[id] != st {
		return
	}
	delete(r.byID, id)
	if i := slices.Index(r.order, id); i >= 0 {
		r.order = slices.Delete(r.order, i, i+1)
	}
}

// onReceipt: the network says that a message arrived.
func onReceipt(ctx context.Context, s *Session, m *pbnetwork.ConversationMessage) {
	st := s.receipts.byID[m.GetId()]
	if st == nil {
		return
	}
	s.receipts.forget(st)
	ack := xmpp.NewMessage(st.Get("type"), st.Get("to"), st.Get("from"))
	s.reply(ctx, ack.Add(receipts.Received(m.GetId())))
}
