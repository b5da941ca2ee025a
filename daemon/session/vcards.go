// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// vcardRequest is a question that the network has to answer. then gets the card,
// or why there is none.
type vcardRequest struct {
	then  func(context.Context, *Session, *vcard.VCard, *refused)
	timer *timer
}

// refused is an error condition and a sentence for the user.
type refused struct{ condition, text string }

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
	s.fetchFor(ctx, name, q.iq, func(ctx context.Context, s *Session, card *vcard.VCard) {
		s.send(ctx, xmpp.Result(q.iq).Add(card.Element()))
	})
}

// fetchFor fetches a card for a client's question, which is refused where there
// is none.
func (s *Session) fetchFor(ctx context.Context, name string, iq *xmpp.Element, then func(context.Context, *Session, *vcard.VCard)) {
	if len(s.requests.vcards) >= maxVCards {
		s.refuse(ctx, iq, xmpp.ResourceConstraint, "Too many vCards are being fetched; try again later")
		return
	}
	s.fetchVCard(ctx, name, func(ctx context.Context, s *Session, card *vcard.VCard, why *refused) {
		if card == nil {
			s.refuse(ctx, iq, why.condition, why.text)
			return
		}
		then(ctx, s, card)
	})
}

// fetchVCard asks the network for somebody's card.
func (s *Session) fetchVCard(ctx context.Context, name string, then func(context.Context, *Session, *vcard.VCard, *refused)) {
	if !s.online() {
		then(ctx, s, nil, &refused{xmpp.RecipientUnavailable, "No vCard: " + s.whyOffline()})
		return
	}
	s.requests.lastID = s.requests.lastID%(1<<30) + 1
	id := s.requests.lastID
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &s.user, BuddyName: &name, Id: &id}) {
		then(ctx, s, nil, cardLost)
		return
	}
	s.requests.vcards[id] = &vcardRequest{then, s.timers.after(requestTimeout, vcardLate{id})}
}

var cardLost = &refused{xmpp.RecipientUnavailable, "No vCard: the connection with the network was lost"}

// onVCard: the network's answer.
func onVCard(ctx context.Context, s *Session, v *pbnetwork.VCard) {
	r := s.requests.vcards[v.GetId()]
	if r == nil {
		s.log.Debug("vCard that nobody asked for", "id", v.GetId())
		return
	}
	delete(s.requests.vcards, v.GetId())
	s.timers.stop(r.timer)
	r.then(ctx, s, cardOf(v), nil)
}

func cardOf(v *pbnetwork.VCard) *vcard.VCard {
	return &vcard.VCard{
		FullName: v.GetFullname(), Nickname: v.GetNickname(), Given: v.GetGiven(), Family: v.GetFamily(),
		Email: v.GetEmail(), Phone: v.GetPhone(), Mobile: v.GetMobile(), URL: v.GetUrl(),
		Birthday: v.GetBirthday(), Gender: v.GetGender(),
		Street: v.GetStreet(), City: v.GetCity(), Region: v.GetRegion(), PostalCode: v.GetPostalCode(), Country: v.GetCountry(),
		Organisation: v.GetOrganisation(), Title: v.GetTitle(), Desc: v.GetDescription(), Photo: v.GetPhoto(),
	}
}

// vcardLate: the network does not answer.
type vcardLate struct{ id int32 }

func (e vcardLate) apply(ctx context.Context, s *Session) {
	if r := s.requests.vcards[e.id]; r != nil {
		delete(s.requests.vcards, e.id)
		r.then(ctx, s, nil, &refused{xmpp.RemoteServerTimeout, "The network did not answer in time"})
	}
}

// abandonRequests: the backend that had the questions is gone.
func (s *Session) abandonRequests(ctx context.Context) {
	for id, r := range s.requests.vcards {
		s.timers.stop(r.timer)
		delete(s.requests.vcards, id)
		r.then(ctx, s, nil, cardLost)
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
		if s.tellPhoto(ctx, card.Photo) {
			s.keepSetting("photohash", hash)
		}
	})
}

// tellPhoto hands the user's own picture to the network, or that he has none.
func (s *Session) tellPhoto(ctx context.Context, photo []byte) bool {
	id, none := int32(0), true
	card := &pbnetwork.VCard{UserName: &s.user, BuddyName: &s.account.user.Name, Id: &id, Photo: photo}
	if len(photo) == 0 {
		if s.account.link.Level() == 0 {
			return true // version 1 would take it for a question
		}
		card.Photo, card.NoPhoto = nil, &none
	}
	return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_VCARD, card)
}

// avatarChosen: the user has another picture, or none.
type avatarChosen struct{ photo []byte }

func (e avatarChosen) apply(ctx context.Context, s *Session) {
	s.account.picture = &e.photo
	if s.online() {
		s.sendPicture(ctx)
	}
}

// sendPicture tells the network of the user's picture, if it does not know it.
func (s *Session) sendPicture(ctx context.Context) {
	p := s.account.picture
	if p == nil {
		return
	}
	hash := vcard.PhotoHash(*p)
	if hash == s.account.user.Settings["photohash"] || s.tellPhoto(ctx, *p) {
		s.account.picture = nil
		if hash != s.account.user.Settings["photohash"] {
			s.keepSetting("photohash", hash)
		}
	}
}
