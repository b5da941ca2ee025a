// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// room is a channel that the user is in, or wants to be in.
type room struct {
	// legacy is its name towards the main process, name the one for the server.
	legacy, name string
	// asked is the nick that the user asked for, key the channel's password.
	asked, key string
	// A join goes through three states: JOIN was sent (joining, at since), the
	// server let the user in (inside), and the list of occupants was complete
	// and told (joined).
	joining, inside, joined bool
	since                   time.Time
	// complete: the list of occupants is. A hidden room is one that the network
	// put the user into (a bouncer, services); it is shown once he joins it.
	complete, hidden bool

	casemap   casemap
	occupants map[string]*occupant
	// stale are the occupants from before a reconnect, whom the user still
	// sees; nil where he was never shown the room.
	stale map[string]*occupant
	// early are messages that came before the list of occupants was complete.
	early []backend.Incoming

	topic, topicBy string
	topicAt        time.Time
	topicSet       bool // since the last join
	moderated      bool
	bans           []ban
}

// occupant is somebody in a channel.
type occupant struct {
	nick string
	// signs are those of PREFIX, highest first.
	signs    string
	source   string
	realName string
	away     bool
	awayText string
}

// ban is a mask that was banned lately: whoever is kicked next was banned.
type ban struct {
	mask string
	at   time.Time
}

const (
	maxEarly     = 200
	maxOccupants = 50_000
	banWindow    = 30 * time.Second
)

func newRoom(legacy, name, asked, key string, c casemap) *room {
	return &room{legacy: legacy, name: name, asked: asked, key: key, casemap: c, occupants: map[string]*occupant{}}
}

// occupant is who is called nick, nil if nobody is.
func (r *room) occupant(nick string) *occupant { return r.occupants[r.casemap.fold(nick)] }

// enter adds somebody or finds him; nil when the room is beyond all bounds.
func (r *room) enter(nick string) *occupant {
	key := r.casemap.fold(nick)
	o := r.occupants[key]
	if o == nil && len(r.occupants) < maxOccupants {
		o = &occupant{}
		r.occupants[key] = o
	}
	if o != nil {
		o.nick = nick
	}
	return o
}

func (r *room) leave(nick string) *occupant {
	key := r.casemap.fold(nick)
	o := r.occupants[key]
	delete(r.occupants, key)
	return o
}

func (r *room) rename(old, nick string) bool {
	o := r.leave(old)
	if o == nil {
		return false
	}
	o.nick = nick
	r.occupants[r.casemap.fold(nick)] = o
	return true
}

// lost is the end of the connection: the user is outside, but is still shown
// whom he saw last.
func (r *room) lost() {
	if r.joined {
		r.stale = r.occupants
	}
	r.occupants = map[string]*occupant{}
	r.joining, r.inside, r.joined, r.complete, r.topicSet = false, false, false, false, false
	r.early, r.bans = nil, nil
}

func (r *room) refold(c casemap) {
	r.casemap = c
	old := r.occupants
	r.occupants = make(map[string]*occupant, len(old))
	for _, o := range old {
		r.occupants[c.fold(o.nick)] = o
	}
}

// participant is an occupant as the main process wants him.
func (r *room) participant(o *occupant, s *isupport) backend.Participant {
	p := backend.Participant{Room: r.legacy, Nickname: o.nick, RealName: plain(o.realName)}
	p.Role, p.Affiliation = s.role(o.signs, r.moderated)
	if o.away {
		p.Status = backend.Status{Type: pbnetwork.StatusType_STATUS_AWAY, Text: plain(o.awayText)}
	}
	return p
}

// gone is the same for one who left.
func gone(room, nick, why string) backend.Participant {
	return backend.Participant{
		Room: room, Nickname: nick,
		Status: backend.Status{Type: pbnetwork.StatusType_STATUS_NONE, Text: plain(why)},
	}
}

// role maps the signs of a network to XEP-0045: whoever can kick is a
// moderator, whoever can ban at least an admin, voice is worth a membership,
// and without it one has no voice in a moderated channel.
func (s *isupport) role(signs string, moderated bool) (pbnetwork.Role, pbnetwork.Affiliation) {
	if signs == "" {
		if moderated {
			return pbnetwork.Role_ROLE_VISITOR, pbnetwork.Affiliation_AFFILIATION_NONE
		}
		return pbnetwork.Role_ROLE_PARTICIPANT, pbnetwork.Affiliation_AFFILIATION_NONE
	}
	switch mode := s.modeOf(signs[0]); mode {
	case 'q':
		return pbnetwork.Role_ROLE_MODERATOR, pbnetwork.Affiliation_AFFILIATION_OWNER
	case 'a', 'o':
		return pbnetwork.Role_ROLE_MODERATOR, pbnetwork.Affiliation_AFFILIATION_ADMIN
	case 'v':
		return pbnetwork.Role_ROLE_PARTICIPANT, pbnetwork.Affiliation_AFFILIATION_MEMBER
	case 'h':
		return pbnetwork.Role_ROLE_MODERATOR, pbnetwork.Affiliation_AFFILIATION_MEMBER
	default: // a network's own rank above the known ones ("!" or "." for staff)
		return pbnetwork.Role_ROLE_MODERATOR, pbnetwork.Affiliation_AFFILIATION_OWNER
	}
}

// rooms are the user's, in the order in which he asked for them.
type rooms struct {
	list    []*room
	casemap casemap
}

// all is a copy that may be walked while rooms go.
func (s *rooms) all() []*room { return slices.Clone(s.list) }

// find is the room of a channel, nil if there is none.
func (s *rooms) find(name string) *room {
	name = s.casemap.fold(name)
	for _, r := range s.list {
		if s.casemap.fold(r.name) == name {
			return r
		}
	}
	return nil
}

func (s *rooms) add(r *room) { s.list = append(s.list, r) }

// wanted is how many rooms the user asked for.
func (s *rooms) wanted() int {
	n := 0
	for _, r := range s.list {
		if !r.hidden {
			n++
		}
	}
	return n
}

func (s *rooms) remove(r *room) {
	s.list = slices.DeleteFunc(s.list, func(x *room) bool { return x == r })
}

// refold is a change of what names are the same.
func (s *rooms) refold(c casemap) {
	s.casemap = c
	for _, r := range s.list {
		r.refold(c)
	}
}
