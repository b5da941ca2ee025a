// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
)

// network is a legacy network with its backends. It behaves like one: it
// checks passwords, has a contact list, rooms with occupants, and takes
// messages, which it keeps.
type network struct {
	mu       sync.Mutex
	level    int
	features pbnetwork.Features
	password string
	// away makes logins fail as if the network could not be reached; silent
	// leaves them unanswered; full lets no backend have room.
	away, silent bool
	full         error
	// slow leaves messages without a result, mute logouts.
	slow, mute bool
	step       *pbnetwork.Step
	contacts   []*pbnetwork.Buddy
	// whole makes it tell its contacts as one complete list.
	whole bool
	// photos by the contact's name; cards counts what was asked.
	photos map[string][]byte
	cards  int
	found  *pbnetwork.SearchResult
	rooms  map[string]*netRoom

	links    []*link
	acquired int
	held     int // links not released
	frames   []string
	messages []*pbnetwork.ConversationMessage
	// settled are the texts that it need not answer for any more.
	settled []string
}

// netRoom is a room of it.
type netRoom struct {
	others     []*pbnetwork.Participant
	subject    *pbnetwork.ConversationMessage
	early      bool   // the subject comes before the occupants
	silent     bool   // joins are not answered
	refuse     string // condition of a refused join
	nick       string // what the user is called instead
	history    []*pbnetwork.ConversationMessage
	refuseNick bool
}

func newNetwork() *network {
	return &network{level: 1, features: pbnetwork.DefaultFeatures(), password: "secret", rooms: map[string]*netRoom{}}
}

// set changes the network under its lock.
func (n *network) set(f func(*network)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

func (n *network) Acquire(ctx context.Context, user string, r session.Receiver) (session.Link, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acquired++
	if n.full != nil {
		return nil, n.full
	}
	if n.held > 0 {
		return nil, errors.New("the user has a link already")
	}
	n.held++
	l := &link{n: n, user: user, r: r, in: make(chan pbnetwork.Frame, 4096), done: make(chan struct{}), number: n.acquired, level: n.level}
	n.links = append(n.links, l)
	go l.run()
	return l, nil
}

// current is the link in use.
func (n *network) current() *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.links) == 0 {
		return nil
	}
	return n.links[len(n.links)-1]
}

// logins counts the links given out, linksHeld those not released.
func (n *network) logins() (i int)    { n.set(func(n *network) { i = n.acquired }); return i }
func (n *network) linksHeld() (i int) { n.set(func(n *network) { i = n.held }); return i }

// taken are the messages that reached the network.
func (n *network) taken() (m []*pbnetwork.ConversationMessage) {
	n.set(func(n *network) { m = slices.Clone(n.messages) })
	return m
}

// took are the frames that came from the session since the last call, in short.
func (n *network) took() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.frames
	n.frames = nil
	return f
}

// link is one backend's connection for the user.
type link struct {
	n      *network
	user   string
	r      session.Receiver
	in     chan pbnetwork.Frame
	done   chan struct{}
	once   sync.Once
	number int
	level  int
	nick   map[string]string
}

func (l *link) Backend() int                 { return l.number }
func (l *link) Level() int                   { return l.level }
func (l *link) Features() pbnetwork.Features { return l.n.features }
func (l *link) Release()                     { l.end() }

func (l *link) end() {
	l.once.Do(func() {
		close(l.done)
		l.n.set(func(n *network) { n.held-- })
	})
}

func (l *link) Send(_ context.Context, f pbnetwork.Frame) error {
	if f.Message != nil {
		if _, err := proto.Marshal(f.Message); err != nil {
			return err
		}
	}
	select {
	case <-l.done:
		return errors.New("backend gone")
	default:
	}
	l.n.set(func(n *network) { n.frames = append(n.frames, briefFrame(f)) })
	l.in <- f
	return nil
}

// crash is the end of the backend.
func (l *link) crash() {
	l.end()
	l.r.Lost(errors.New("backend crashed"))
}

func (l *link) send(t pbnetwork.Type, m proto.Message) {
	select {
	case <-l.done:
		return
	default:
	}
	l.r.Frame(context.Background(), pbnetwork.Frame{Type: t, Message: m})
}

func (l *link) run() {
	l.nick = map[string]string{}
	for {
		select {
		case f := <-l.in:
			l.handle(f)
		case <-l.done:
			return
		}
	}
}

func (l *link) handle(f pbnetwork.Frame) {
	switch m := f.Message.(type) {
	case *pbnetwork.Login:
		l.login(m)
	case *pbnetwork.Logout:
		l.n.mu.Lock()
		answers := m.GetConfirm() && !l.n.mute
		l.n.mu.Unlock()
		if answers {
			l.loggedOut()
		}
	case *pbnetwork.ConversationMessage:
		if f.Type == pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE {
			l.message(m)
		} else if f.Type == pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED {
			l.send(f.Type, m)
		}
	case *pbnetwork.Room:
		if f.Type == pbnetwork.WrapperMessage_TYPE_JOIN_ROOM {
			l.join(m)
		}
	case *pbnetwork.VCard:
		l.card(m)
	case *pbnetwork.Search:
		if m.GetField()[0].GetValue() == "hang" {
			return
		}
		l.n.mu.Lock()
		found := proto.Clone(l.n.found).(*pbnetwork.SearchResult)
		l.n.mu.Unlock()
		found.User, found.Id = &l.user, m.Id
		l.send(pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT, found)
	case *pbnetwork.StepAnswer:
		if m.GetCancelled() {
			l.disconnected(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, "No code was given")
		} else {
			l.connected()
		}
	case *pbnetwork.Command:
		if m.GetName() == "hang" {
			return
		}
		l.send(pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT, &pbnetwork.CommandResult{
			User: &l.user, Id: m.Id, Text: proto.String(m.GetRoom() + " " + m.GetName() + " " + strings.Join(m.GetArgument(), ",")),
			Failed: proto.Bool(m.GetName() == "fail"),
		})
	}
}

// card answers a vCard request.
func (l *link) card(m *pbnetwork.VCard) {
	if len(m.GetPhoto()) > 0 || m.GetNoPhoto() || m.GetBuddyName() == "mute" {
		return
	}
	l.n.mu.Lock()
	photo := l.n.photos[m.GetBuddyName()]
	l.n.cards++
	l.n.mu.Unlock()
	l.send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{
		UserName: &l.user, BuddyName: m.BuddyName, Id: m.Id, Fullname: proto.String("Full " + m.GetBuddyName()), Photo: photo,
	})
}

func (l *link) login(m *pbnetwork.Login) {
	l.n.mu.Lock()
	password, away, silent, step, contacts, whole := l.n.password, l.n.away, l.n.silent, l.n.step, l.n.contacts, l.n.whole
	l.n.mu.Unlock()
	switch {
	case silent:
	case away:
		l.disconnected(pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, "Connection refused.")
	case m.GetPassword() != password:
		l.disconnected(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, "Wrong password.")
	case step != nil:
		l.send(pbnetwork.WrapperMessage_TYPE_STEP, step)
	default:
		l.connected()
		if whole {
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDIES, &pbnetwork.Buddies{User: &l.user, Buddy: contacts, Complete: proto.Bool(true)})
			return
		}
		for _, b := range contacts {
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, b)
		}
	}
}

func (l *link) loggedOut() {
	l.send(pbnetwork.WrapperMessage_TYPE_LOGGED_OUT, &pbnetwork.LoggedOut{User: &l.user})
}

func (l *link) connected() {
	l.send(pbnetwork.WrapperMessage_TYPE_CONNECTED, &pbnetwork.Connected{
		User: &l.user, Confirmation: pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED.Enum(), LegacyName: proto.String("Romeo"),
	})
}

func (l *link) disconnected(code pbnetwork.ConnectionError, text string) {
	l.send(pbnetwork.WrapperMessage_TYPE_DISCONNECTED, &pbnetwork.Disconnected{User: &l.user, Error: proto.Int32(int32(code)), Message: &text})
}

func (l *link) message(m *pbnetwork.ConversationMessage) {
	l.n.mu.Lock()
	l.n.messages = append(l.n.messages, m)
	slow := l.n.slow
	l.n.mu.Unlock()
	if m.MessageId != nil && slow {
		return
	}
	l.n.set(func(n *network) { n.settled = append(n.settled, m.GetMessage()) })
	if m.MessageId == nil {
		return
	}
	r := &pbnetwork.MessageResult{User: &l.user, MessageId: m.MessageId, Outcome: pbnetwork.MessageResult_DELIVERED.Enum()}
	if strings.HasPrefix(m.GetMessage(), "fail") {
		r.Outcome, r.Reason = pbnetwork.MessageResult_FAILED.Enum(), proto.String("No such number.")
		r.Condition = proto.String("item-not-found")
	}
	if strings.HasPrefix(m.GetMessage(), "doubt") {
		r.Outcome, r.Reason = pbnetwork.MessageResult_UNKNOWN.Enum(), proto.String("The server hung up")
	}
	l.send(pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, r)
	if m.Id != nil {
		l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK, &pbnetwork.ConversationMessage{UserName: &l.user, BuddyName: m.BuddyName, Message: proto.String(""), Id: m.Id})
	}
}

// join answers JOIN_ROOM as the SDK does: occupants, the user last, subject.
func (l *link) join(m *pbnetwork.Room) {
	name := m.GetRoom()
	l.n.mu.Lock()
	r := l.n.rooms[name]
	l.n.mu.Unlock()
	if r == nil {
		l.send(pbnetwork.WrapperMessage_TYPE_JOIN_FAILED, &pbnetwork.JoinFailed{User: &l.user, Room: &name, Nickname: m.Nickname, Condition: proto.String("item-not-found"), Text: proto.String("No such channel.")})
		return
	}
	if old, in := l.nick[name]; in && old != m.GetNickname() {
		if r.refuseNick {
			l.send(pbnetwork.WrapperMessage_TYPE_JOIN_FAILED, &pbnetwork.JoinFailed{User: &l.user, Room: &name, Nickname: m.Nickname, Condition: proto.String("conflict")})
			return
		}
		l.nick[name] = m.GetNickname()
		l.participant(&pbnetwork.Participant{Room: &name, Nickname: &old, Newname: m.Nickname, Flag: proto.Int32(16), Status: pbnetwork.StatusType_STATUS_ONLINE.Enum()})
		return
	}
	if r.silent {
		return
	}
	if r.refuse != "" {
		l.send(pbnetwork.WrapperMessage_TYPE_JOIN_FAILED, &pbnetwork.JoinFailed{User: &l.user, Room: &name, Nickname: m.Nickname, Condition: &r.refuse, Text: proto.String("")})
		return
	}
	nick := m.GetNickname()
	if r.nick != "" {
		nick = r.nick
	}
	l.nick[name] = nick
	if r.early && r.subject != nil {
		l.send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, r.subject)
	}
	for _, p := range r.others {
		p := proto.Clone(p).(*pbnetwork.Participant)
		p.Room = &name
		l.participant(p)
	}
	for _, h := range r.history {
		l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, h)
	}
	l.participant(&pbnetwork.Participant{Room: &name, Nickname: &nick, Flag: proto.Int32(16), Status: pbnetwork.StatusType_STATUS_ONLINE.Enum()})
	if !r.early && r.subject != nil {
		l.send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, r.subject)
	}
}

func (l *link) participant(p *pbnetwork.Participant) {
	p.UserName = &l.user
	l.send(pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, p)
}

// says is a message of a contact, or with nick of an occupant.
func (l *link) says(from, nick, text string) {
	m := &pbnetwork.ConversationMessage{UserName: &l.user, BuddyName: &from, Message: &text}
	if nick != "" {
		m.Nickname = &nick
	}
	l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m)
}

// briefExtension is what the extension adds to a Buddy.
func briefExtension(b *pbnetwork.Buddy) (s string) {
	if b.Authorization != nil {
		s += " " + strings.TrimPrefix(b.GetAuthorization().String(), "AUTHORIZATION_")
	}
	if b.AuthText != nil {
		s += fmt.Sprintf(" %q", b.GetAuthText())
	}
	if b.GetExact() {
		s += fmt.Sprintf(" exactly %q %q", b.GetAlias(), b.GetGroup())
	}
	if b.GetBlockedOnly() {
		s += fmt.Sprintf(" blocked=%v", b.GetBlocked())
	}
	return s
}

func briefFrame(f pbnetwork.Frame) string {
	name := strings.TrimPrefix(f.Type.String(), "TYPE_")
	switch m := f.Message.(type) {
	case *pbnetwork.ConversationMessage:
		s := fmt.Sprintf("%s %s %q", name, m.GetBuddyName(), m.GetMessage())
		if m.GetPm() {
			s += " pm=" + m.GetNickname()
		}
		return s
	case *pbnetwork.Buddy:
		return fmt.Sprintf("%s %s", name, m.GetBuddyName()) + briefExtension(m)
	case *pbnetwork.Buddies:
		var names []string
		for _, b := range m.GetBuddy() {
			names = append(names, b.GetBuddyName())
		}
		slices.Sort(names)
		return fmt.Sprintf("%s %v", name, names)
	case *pbnetwork.Room:
		return fmt.Sprintf("%s %s/%s", name, m.GetRoom(), m.GetNickname())
	case *pbnetwork.Status:
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", name, strings.TrimPrefix(m.GetStatus().String(), "STATUS_"), m.GetStatusMessage()))
	case *pbnetwork.Login:
		return fmt.Sprintf("%s %s", name, m.GetLegacyName())
	case *pbnetwork.Logout:
		if m.GetConfirm() {
			return name + " confirm"
		}
	}
	return name
}
