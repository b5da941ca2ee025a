// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// vcardRequest is a client's question that the network has to answer.
type vcardRequest struct {
	iq    *xmpp.Element
	timer *timer
}

// maxVCards bounds the questions that wait.
const maxVCards = 100

// answerVCard is XEP-0054, for contacts and occupants. Rooms have no card.
func answerVCard(ctx context.Context, s *Session, q question) {
	t := q.target
	name := t.name
	switch {
	case q.inRoom(s) && t.nick() == "":
		s.refuse(ctx, q.iq, xmpp.ItemNotFound, "This room has no vCard")
		return
	case q.inRoom(s):
		name += "/" + t.nick()
	}
	switch {
	case !s.online():
		s.refuse(ctx, q.iq, xmpp.RecipientUnavailable, "No vCard: "+s.whyOffline())
	case len(s.requests.vcards) >= maxVCards:
		s.refuse(ctx, q.iq, xmpp.ResourceConstraint, "Too many vCards are being fetched; try again later")
	default:
		s.fetchVCard(ctx, name, q.iq)
	}
}

func (s *Session) fetchVCard(ctx context.Context, name string, iq *xmpp.Element) {
	s.requests.lastID = s.requests.lastID%(1<<30) + 1
	id := s.requests.lastID
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &s.user, BuddyName: &name, Id: &id}) {
		s.refuse(ctx, iq, xmpp.RecipientUnavailable, "No vCard: the connection with the network was lost")
		return
	}
	s.requests.vcards[id] = &vcardRequest{iq, s.timers.after(requestTimeout, vcardLate{id})}
}

// onVCard: the network's answer.
func onVCard(ctx context.Context, s *Session, v *pbnetwork.VCard) {
	r := s.requests.vcards[v.GetId()]
	if r == nil {
		s.log.Debug("vCard that nobody asked for", "id", v.GetId())
		return
	}
	delete(s.requests.vcards, v.GetId())
	s.timers.stop(r.timer)
	card := vcard.VCard{FullName: v.GetFullname(), Nickname: v.GetNickname(), Photo: v.GetPhoto()}
	s.send(ctx, xmpp.Result(r.iq).Add(card.Element()))
}

// vcardLate: the network does not answer.
type vcardLate struct{ id int32 }

func (e vcardLate) apply(ctx context.Context, s *Session) {
	if r := s.requests.vcards[e.id]; r != nil {
		delete(s.requests.vcards, e.id)
		s.refuse(ctx, r.iq, xmpp.RemoteServerTimeout, "The network did not answer in time")
	}
}

// abandonRequests: the backend that had the questions is gone.
func (s *Session) abandonRequests(ctx context.Context) {
	for id, r := range s.requests.vcards {
		s.timers.stop(r.timer)
		delete(s.requests.vcards, id)
		s.refuse(ctx, r.iq, xmpp.RecipientUnavailable, "No vCard: the connection with the network was lost")
	}
}

// noteAvatar sees from the user's presence whether he has a new avatar
// (XEP-0153) and hands the picture to the network.
func (s *Session) noteAvatar(ctx context.Context, st *xmpp.Element) {
	hash, ok := vcard.UpdateOf(st)
	if !ok || hash == "" || !s.online() || hash == s.account.user.Settings["photohash"] || hash == s.account.avatar {
		return
	}
	s.account.avatar = hash
	s.askClient(ctx, s.user, vcard.Query(), func(ctx context.Context, s *Session, answer *xmpp.Element) {
		if answer == nil || answer.Get("type") != "result" {
			return
		}
		card, ok := vcard.Of(answer)
		if !ok || vcard.PhotoHash(card.Photo) != hash || !s.online() {
			return
		}
		id := int32(0)
		if s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_VCARD,
			&pbnetwork.VCard{UserName: &s.user, BuddyName: &s.account.user.Name, Id: &id, Photo: card.Photo}) {
			_ = s.keepSetting(ctx, "photohash", hash)
		}
	})
}
