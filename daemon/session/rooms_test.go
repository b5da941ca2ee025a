// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

func topic(text string) *pbnetwork.ConversationMessage {
	return &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("#verona"), Message: &text, Nickname: proto.String("juliet")}
}

func past(nick, text string) *pbnetwork.ConversationMessage {
	return &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("#verona"), Message: &text, Nickname: &nick, Timestamp: proto.String("19991231T230000")}
}

// verona is a room with two others.
func verona(w *world) {
	op := occupant("juliet")
	op.Role, op.Affiliation = pbnetwork.Role_ROLE_MODERATOR.Enum(), pbnetwork.Affiliation_AFFILIATION_OWNER.Enum()
	w.net.rooms["#verona"] = &netRoom{others: []*pbnetwork.Participant{op, occupant("nurse")}, subject: topic("Balcony")}
}

func joins(resource, nick string) string {
	return "<presence from='" + romeo + "/" + resource + "' to='#verona@gw.example/" + nick + "'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
}

func TestJoinOrder(t *testing.T) {
	others := []string{"presence #verona@gw/juliet>romeo/a owner/moderator", "presence #verona@gw/nurse>romeo/a member/participant"}
	self := "presence #verona@gw/me>romeo/a member/participant 110"
	subject := `message #verona@gw/juliet>romeo/a groupchat subject="Balcony"`
	cases := map[string]struct {
		room func(*netRoom)
		want []string
	}{
		"subject last":  {func(*netRoom) {}, []string{others[0], others[1], self, subject}},
		"subject first": {func(r *netRoom) { r.early = true }, []string{others[0], others[1], self, subject}},
		"no subject":    {func(r *netRoom) { r.subject = nil }, []string{others[0], others[1], self, `message #verona@gw>romeo/a groupchat subject=""`}},
		"history": {func(r *netRoom) {
			r.history = []*pbnetwork.ConversationMessage{past("nurse", "one"), past("tybalt", "two")}
		},
			[]string{others[0], others[1], self, `message #verona@gw/nurse>romeo/a groupchat body="one" delayed`,
				`message #verona@gw/tybalt>romeo/a groupchat body="two" delayed`, subject}},
		"another nick":  {func(r *netRoom) { r.nick = "me_" }, []string{others[0], others[1], "presence #verona@gw/me_>romeo/a member/participant 110 210", subject}},
		"empty room":    {func(r *netRoom) { r.others = nil }, []string{self, subject}},
		"wrong case":    {func(r *netRoom) { r.nick = "Me" }, []string{others[0], others[1], "presence #verona@gw/Me>romeo/a member/participant 110 210", subject}},
		"banned":        {func(r *netRoom) { r.refuse = "forbidden" }, []string{`presence #verona@gw/me>romeo/a error forbidden "You are banned from this room"`}},
		"no such error": {func(r *netRoom) { r.refuse = "<evil/>" }, []string{`presence #verona@gw/me>romeo/a error not-allowed "You may not join this room"`}},
		"no answer":     {func(r *netRoom) { r.silent = true }, []string{`presence #verona@gw/me>romeo/a error remote-server-timeout "The network did not answer in time"`}},
	}
	for name, c := range cases {
		for _, level := range []int{0, 1} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, func(w *world) { verona(w); w.net.level = level; c.room(w.net.rooms["#verona"]) }, func(w *world) {
					w.online("a")
					w.post(joins("a", "me"))
					w.wait(61 * time.Second)
					w.sees(c.want...)
				})
			})
		}
	}
}

func TestJoinBeforeTheLoginWaitsForIt(t *testing.T) {
	inWorld(t, func(w *world) { verona(w); w.net.away = true }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.post(joins("a", "me"))
		w.net.set(func(n *network) { n.away = false })
		w.front.take()
		w.wait(10 * time.Second)
		w.seesOf("presence #verona@gw/me", "presence #verona@gw/me>romeo/a member/participant 110")
	})
}

func TestJoiningARoomLogsIn(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.post(joins("a", "me"))
		w.state(session.Online)
		w.netSees("LOGIN romeo", "JOIN_ROOM #verona/me")
		if s := w.s.Status(); s.Rooms != 1 {
			t.Errorf("status %+v", s)
		}
		w.front.take()
		w.post("<presence type='unavailable' from='" + romeo + "/a' to='#verona@gw.example/me'/>")
		w.netSees("LEAVE_ROOM #verona/me", "LOGOUT")
		w.sees("presence #verona@gw/me>romeo/a unavailable member/none 110", "presence gw>romeo unavailable")
		w.ended()
	})
}

func TestSecondClientSharesTheNick(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.backend(func(l *link) { l.says("#verona", "juliet", "Hi") })
		w.front.take()
		w.net.took()
		w.post(joins("b", "other"))
		w.netSees() // no second join on the network
		w.sees("presence #verona@gw/juliet>romeo/b owner/moderator", "presence #verona@gw/nurse>romeo/b member/participant",
			"presence #verona@gw/me>romeo/b member/participant 110 210",
			`message #verona@gw/juliet>romeo/b groupchat body="Hi" delayed`, `message #verona@gw/juliet>romeo/b groupchat subject="Balcony"`)
		w.backend(func(l *link) { l.says("#verona", "nurse", "both") })
		w.sees(`message #verona@gw/nurse>romeo/a groupchat body="both"`, `message #verona@gw/nurse>romeo/b groupchat body="both"`)
		w.post("<presence type='unavailable' from='" + romeo + "/a' to='#verona@gw.example/me'/>")
		w.netSees()
		w.sees("presence #verona@gw/me>romeo/a unavailable member/none 110")
		w.post("<presence type='unavailable' from='" + romeo + "/b' to='#verona@gw.example/me'/>")
		w.netSees("LEAVE_ROOM #verona/me")
		if len(w.store.roomNames()) != 0 {
			t.Error("left room still kept")
		}
	})
}

func TestHistoryAsWanted(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		for _, text := range []string{"one", "two", "three"} {
			w.backend(func(l *link) { l.says("#verona", "juliet", text) })
		}
		w.front.take()
		w.post(strings.Replace(joins("b", "me"), "muc'/>", "muc'><history maxstanzas='1'/></x>", 1))
		got := only(briefs(w.front.take()), "message")
		w.compare(got, []string{`message #verona@gw/juliet>romeo/b groupchat body="three" delayed`, `message #verona@gw/juliet>romeo/b groupchat subject="Balcony"`})
	})
}

func says(resource, id, text string) string {
	return "<message type='groupchat' id='" + id + "' from='" + romeo + "/" + resource + "' to='#verona@gw.example'><body>" + text + "</body></message>"
}

func TestOwnMessagesAreReflectedWhenTheNetworkTookThem(t *testing.T) {
	for _, level := range []int{0, 1} {
		inWorld(t, func(w *world) { verona(w); w.net.level = level }, func(w *world) {
			w.online("a")
			w.post(joins("a", "me"))
			w.post(joins("b", "me"))
			w.front.take()
			w.net.set(func(n *network) { n.slow = true })
			w.post(says("a", "g1", "Hello"))
			got := w.front.take()
			if level > 0 {
				w.compare(briefs(got), nil)
				w.backend(func(l *link) {
					l.send(pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, &pbnetwork.MessageResult{User: proto.String(romeo), MessageId: w.net.taken()[0].MessageId,
						Outcome: pbnetwork.MessageResult_DELIVERED.Enum(), RemoteId: proto.String("r1")})
				})
				got = w.front.take()
			} else {
				w.compare(briefs(got), nil)
				w.backend(func(l *link) {
					l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("#verona"),
						Message: proto.String("Hello"), Nickname: proto.String("me")})
				})
				got = w.front.take()
			}
			w.compare(briefs(got), []string{`message #verona@gw/me>romeo/a groupchat body="Hello"`, `message #verona@gw/me>romeo/b groupchat body="Hello"`})
			if len(got) > 0 && got[0].Get("id") != "g1" {
				t.Errorf("id %q", got[0].Get("id"))
			}
		})
	}
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.post(says("a", "g1", "fail"))
		w.sees(`message #verona@gw>romeo/a error item-not-found "Not delivered: No such number"`)
		w.post(says("z", "g2", "not in"))
		w.sees(`message #verona@gw>romeo/z error not-acceptable "You are not in this room; join it again"`)
	})
}

func TestPrivateMessages(t *testing.T) {
	pm := func(to string) string {
		return "<message type='chat' id='p1' from='" + romeo + "/a' to='#verona@gw.example/" + to + "'><body>psst</body><x xmlns='" + muc.NSUser + "'/></message>"
	}
	for level, frame := range []string{`CONV_MESSAGE #verona/juliet "psst"`, `CONV_MESSAGE #verona "psst" pm=juliet`} {
		inWorld(t, func(w *world) { verona(w); w.net.level = level }, func(w *world) {
			w.online("a")
			w.post(joins("a", "me"))
			w.front.take()
			w.net.took()
			w.post(pm("juliet"))
			w.netSees(frame)
			w.post(pm("tybalt"))
			w.sees(`message #verona@gw/tybalt>romeo/a error item-not-found "tybalt is not in the room"`)
			w.backend(func(l *link) {
				l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("#verona"),
					Nickname: proto.String("juliet"), Pm: proto.Bool(true), Message: proto.String("yes?")})
				l.says("#verona/nurse", "", "old way")
			})
			sent := w.front.take()
			w.compare(briefs(sent), []string{`message #verona@gw/juliet>romeo chat body="yes?"`, `message #verona@gw/nurse>romeo chat body="old way"`})
			if len(sent) > 0 && muc.UserOf(sent[0]) == nil {
				t.Error("private message is not marked")
			}
		})
	}
}

func TestRoomEvents(t *testing.T) {
	event := func(change func(*pbnetwork.Participant)) func(*link) {
		return func(l *link) {
			p := occupant("nurse")
			p.Room = proto.String("#verona")
			change(p)
			l.participant(p)
		}
	}
	cases := map[string]struct {
		event func(*link)
		want  []string
		out   bool
	}{
		"somebody comes": {event: event(func(p *pbnetwork.Participant) { p.Nickname = proto.String("tybalt") }), want: []string{"presence #verona@gw/tybalt>romeo/a member/participant"}},
		"nothing new":    {event: event(func(*pbnetwork.Participant) {})},
		"away":           {event: event(func(p *pbnetwork.Participant) { p.Status = stAway.Enum() }), want: []string{`presence #verona@gw/nurse>romeo/a show="away" member/participant`}},
		"leaves": {event: event(func(p *pbnetwork.Participant) { p.Status, p.StatusMessage = stNone.Enum(), proto.String("Bye") }),
			want: []string{`presence #verona@gw/nurse>romeo/a unavailable status="Bye" member/none`}},
		"kicked": {event: event(func(p *pbnetwork.Participant) {
			p.Status, p.Flag, p.Actor = stNone.Enum(), proto.Int32(32), proto.String("juliet")
		}), want: []string{"presence #verona@gw/nurse>romeo/a unavailable member/none actor=juliet 307"}},
		"banned": {event: event(func(p *pbnetwork.Participant) { p.Status, p.Flag = stNone.Enum(), proto.Int32(4) }),
			want: []string{"presence #verona@gw/nurse>romeo/a unavailable outcast/none 301"}},
		"renamed": {event: event(func(p *pbnetwork.Participant) { p.Newname = proto.String("angelica") }),
			want: []string{"presence #verona@gw/nurse>romeo/a unavailable member/participant nick=angelica 303", "presence #verona@gw/angelica>romeo/a member/participant"}},
		"oneself renamed by the network": {event: event(func(p *pbnetwork.Participant) {
			p.Nickname, p.Newname, p.Flag = proto.String("me"), proto.String("Guest1"), proto.Int32(16)
		}), want: []string{"presence #verona@gw/me>romeo/a unavailable member/participant nick=Guest1 110 303", "presence #verona@gw/Guest1>romeo/a member/participant 110"}},
		"oneself renamed, told the old way": {event: func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED, &pbnetwork.Room{UserName: proto.String(romeo), Room: proto.String("#verona"), Nickname: proto.String("Guest1")})
		}, want: []string{"presence #verona@gw/me>romeo/a unavailable member/participant nick=Guest1 110 303", "presence #verona@gw/Guest1>romeo/a member/participant 110"}},
		"oneself kicked": {event: event(func(p *pbnetwork.Participant) {
			p.Nickname, p.Status, p.Flag, p.StatusMessage = proto.String("me"), stNone.Enum(), proto.Int32(16|32), proto.String("out")
		}), want: []string{`presence #verona@gw/me>romeo/a unavailable status="out" member/none 110 307`}, out: true},
		"new subject": {event: func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, topic("Tomb")) },
			want: []string{`message #verona@gw/juliet>romeo/a groupchat subject="Tomb"`}},
		"the room itself speaks": {event: func(l *link) { l.says("#verona", "", "Netsplit") }, want: []string{`message #verona@gw>romeo/a groupchat body="Netsplit"`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, verona, func(w *world) {
				w.online("a")
				w.post(joins("a", "me"))
				w.front.take()
				w.net.took()
				w.backend(c.event)
				w.sees(c.want...)
				w.netSees()
				if in := w.s.Status().Rooms == 1; in == c.out {
					t.Errorf("in the room: %v", in)
				}
				if kept := len(w.store.roomNames()) == 1; kept == c.out {
					t.Errorf("kept: %v", kept)
				}
			})
		})
	}
}

func TestNickChange(t *testing.T) {
	change := "<presence from='" + romeo + "/a' to='#verona@gw.example/montague'/>"
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.post(joins("b", "me"))
		w.front.take()
		w.net.took()
		w.post(change)
		w.netSees("JOIN_ROOM #verona/montague")
		w.sees("presence #verona@gw/me>romeo/a unavailable member/participant nick=montague 110 303", "presence #verona@gw/me>romeo/b unavailable member/participant nick=montague 110 303",
			"presence #verona@gw/montague>romeo/a member/participant 110", "presence #verona@gw/montague>romeo/b member/participant 110")
		if r := w.store.rooms["#verona"]; r.Nickname != "montague" {
			t.Errorf("kept nick %q", r.Nickname)
		}
	})
	inWorld(t, func(w *world) { verona(w); w.net.rooms["#verona"].refuseNick = true }, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.post(change)
		w.sees(`presence #verona@gw/montague>romeo/a error conflict "The nick was not changed"`)
		if w.s.Status().Rooms != 1 {
			t.Error("lost the room over a nick")
		}
	})
}

func TestSubjectOfTheUsers(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.net.took()
		w.post("<message type='groupchat' from='" + romeo + "/a' to='#verona@gw.example'><subject>Poison</subject></message>")
		w.netSees(`ROOM_SUBJECT_CHANGED #verona "Poison"`)
		w.sees(`message #verona@gw/me>romeo/a groupchat subject="Poison"`)
	})
}

func TestRoomsSurviveABackend(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.net.set(func(n *network) {
			n.rooms["#verona"] = &netRoom{others: []*pbnetwork.Participant{n.rooms["#verona"].others[0], occupant("tybalt")}, subject: topic("Balcony"), nick: "me_"}
		})
		w.net.took()
		w.backend((*link).crash)
		w.seesOf("presence #")
		w.wait(5 * time.Second)
		w.netSees("LOGIN romeo", "JOIN_ROOM #verona/me")
		w.seesOf("presence #", "presence #verona@gw/tybalt>romeo/a member/participant",
			"presence #verona@gw/me>romeo/a unavailable member/participant nick=me_ 110 303", "presence #verona@gw/me_>romeo/a member/participant 110",
			"presence #verona@gw/nurse>romeo/a unavailable member/none")
	})
	inWorld(t, verona, func(w *world) { // and it may not come back
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.net.set(func(n *network) { n.rooms["#verona"].refuse = "registration-required" })
		w.backend((*link).crash)
		w.wait(5 * time.Second)
		w.seesOf("presence #", `presence #verona@gw/me>romeo/a unavailable status="Only members may join this room" member/none 110 333`)
	})
}

func TestLogoutShutsRooms(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.s.Logout(context.Background(), "Bye")
		synctest.Wait()
		w.sees(`presence #verona@gw/me>romeo/a unavailable status="Bye" member/none 110 332`, `presence gw>romeo unavailable status="Bye"`)
		if len(w.store.roomNames()) != 0 {
			t.Error("room still kept")
		}
	})
}

func TestVanishedClientsLeaveTheirRooms(t *testing.T) {
	gone := "<presence type='unavailable' from='" + romeo + "/a' to='%'/>"
	for name, goodbyes := range map[string][]string{
		"transport first": {strings.Replace(gone, "%", "gw.example", 1), strings.Replace(gone, "%", "#verona@gw.example/me", 1)},
		"room first":      {strings.Replace(gone, "%", "#verona@gw.example/me", 1), strings.Replace(gone, "%", "gw.example", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, verona, func(w *world) {
				w.online("a")
				w.post("<presence from='" + romeo + "/b' to='gw.example'/>")
				w.post(joins("a", "me"))
				w.net.took()
				for _, g := range goodbyes {
					w.post(g)
				}
				w.netSees("LEAVE_ROOM #verona/me")
			})
			inWorld(t, func(w *world) { verona(w); w.user.Settings["stay_connected"] = "1" }, func(w *world) {
				w.online("a")
				w.post(joins("a", "me"))
				w.net.took()
				for _, g := range goodbyes {
					w.post(g)
				}
				w.wait(time.Hour)
				if got := w.net.took(); slices.Contains(got, "LEAVE_ROOM #verona/me") {
					t.Errorf("left: %v", got)
				}
				w.backend(func(l *link) { l.says("#verona", "juliet", "where are you?") })
				w.front.take()
				w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
				w.post(joins("a", "me"))
				w.seesOf("message", `message #verona@gw/juliet>romeo/a groupchat body="where are you?" delayed`, `message #verona@gw/juliet>romeo/a groupchat subject="Balcony"`)
			})
		})
	}
	inWorld(t, verona, func(w *world) { // a bounce says it too
		w.online("a")
		w.post(joins("a", "me"))
		w.net.took()
		w.post("<message type='error' from='" + romeo + "/a' to='#verona@gw.example'><error type='cancel'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
		w.netSees("LEAVE_ROOM #verona/me")
	})
}

func TestExplicitLeaveCountsForOneWhoStaysConnected(t *testing.T) {
	inWorld(t, func(w *world) { verona(w); w.user.Settings["stay_connected"] = "1" }, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.net.took()
		w.post("<presence type='unavailable' from='" + romeo + "/a' to='#verona@gw.example/me'/>")
		w.wait(5 * time.Second)
		w.netSees("LEAVE_ROOM #verona/me")
	})
}

func TestRoomsComeBackAfterARestart(t *testing.T) {
	inWorld(t, func(w *world) {
		verona(w)
		w.user.Settings["stay_connected"] = "1"
		w.store.rooms["#verona"] = store.Room{UserID: 7, Name: "#verona", Nickname: "me"}
	}, func(w *world) {
		w.s.Login(context.Background())
		synctest.Wait()
		w.netSees("LOGIN romeo", "STATUS_CHANGED AWAY", "JOIN_ROOM #verona/me")
		if w.s.Status().Rooms != 1 {
			t.Error("not in the room")
		}
	})
}

func TestRoomQuestions(t *testing.T) {
	ask := func(to, payload string) string {
		return "<iq type='get' id='q' from='" + romeo + "/a' to='" + to + "'>" + payload + "</iq>"
	}
	const ping = "<ping xmlns='urn:xmpp:ping'/>"
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_ROOM_LIST, &pbnetwork.RoomList{User: proto.String(romeo), Room: []string{"Hall", "#verona"}, Name: []string{"The Hall"}})
		})
		if got := w.s.RoomList(); len(got) != 2 || got[0] != (session.RoomInfo{Name: "Hall", Title: "The Hall"}) || got[1].Title != "#verona" {
			t.Errorf("rooms %v", got)
		}
		w.post(ask("#verona@gw.example/me", ping))
		w.sees(`iq #verona@gw/me>romeo/a error not-acceptable "You are not in this room; join it again" {jabber:client}error`)
		w.post(joins("a", "me"))
		w.front.take()
		w.post(ask("#verona@gw.example/me", ping))
		w.sees("iq #verona@gw/me>romeo/a result")
		w.post(ask("#verona@gw.example/juliet", ping))
		w.sees(`iq #verona@gw/juliet>romeo/a error service-unavailable "Others cannot be pinged through this network" {jabber:client}error`)
		w.post(ask("#verona@gw.example/ghost", ping))
		w.sees(`iq #verona@gw/ghost>romeo/a error item-not-found "ghost is not in the room" {jabber:client}error`)

		for _, room := range []string{"#verona@gw.example", "hall@gw.example", "#elsewhere@gw.example"} {
			w.post(ask(room, "<query xmlns='"+disco.NSInfo+"'/>"))
			info := disco.ParseInfo(w.front.take()[0].Child(disco.NSInfo, "query"))
			if !info.Has(muc.NS) || info.Identities[0].Category != "conference" {
				t.Errorf("%s is %+v", room, info)
			}
		}
		for nick, mine := range map[string]bool{"me": true, "juliet": false} { // who answers a ping says so
			w.post(ask("#verona@gw.example/"+nick, "<query xmlns='"+disco.NSInfo+"'/>"))
			if info := disco.ParseInfo(w.front.take()[0].Child(disco.NSInfo, "query")); info.Has("urn:xmpp:ping") != mine {
				t.Errorf("%s is %+v", nick, info)
			}
		}
		w.post(ask("#verona@gw.example", "<query xmlns='"+disco.NSItems+"'/>"))
		if items := disco.ParseItems(w.front.take()[0].Child(disco.NSItems, "query")); len(items.Items) != 3 {
			t.Errorf("items %+v", items)
		}
		w.post(ask("#verona@gw.example/juliet", "<vCard xmlns='vcard-temp'/>"))
		if got := w.front.take()[0].String(); !strings.Contains(got, "Full #verona/juliet") {
			t.Errorf("vCard %s", got)
		}
		w.post(ask("#verona@gw.example", "<vCard xmlns='vcard-temp'/>"))
		w.sees(`iq #verona@gw>romeo/a error item-not-found "This room has no vCard" {jabber:client}error`)
	})
}

func TestBadJoins(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(strings.Replace(joins("a", "me"), "/me'", "'", 1))
		w.sees(`presence #verona@gw>romeo/a error jid-malformed "Join with a nick: #verona@gw.example/nick"`)
		w.post("<presence from='" + romeo + "/a' to='#verona@gw.example/me'/>")
		w.sees(`presence #verona@gw/me>romeo/a error item-not-found "You are not in this room; join it again"`)
		w.post(strings.Replace(joins("a", "me"), "#verona", "#nowhere", 1))
		w.sees(`presence #nowhere@gw/me>romeo/a error item-not-found "No such channel"`)
		st := xmpp.NewPresence("", romeo+"/a", "@@").Add(muc.Join{History: muc.AllHistory()}.Element())
		w.s.Stanza(context.Background(), st)
		synctest.Wait()
		if got := briefs(w.front.take()); len(got) != 1 || !strings.Contains(got[0], "jid-malformed") {
			t.Errorf("sent %v", got)
		}
	})
}

func TestClientsInRoomsCatchUpAfterTheServerWasAway(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.front.setDown(true)
		w.s.LinkDown(context.Background())
		w.backend(func(l *link) {
			l.says("#verona", "nurse", "one")
			p := occupant("nurse")
			p.Room, p.Status = proto.String("#verona"), stNone.Enum()
			l.participant(p)
		})
		w.front.setDown(false)
		w.s.LinkUp(context.Background())
		synctest.Wait()
		got := only(briefs(w.front.take()), "message #", "presence #")
		w.compare(got, []string{`message #verona@gw/nurse>romeo/a groupchat body="one" delayed`, "presence #verona@gw/nurse>romeo/a unavailable member/none"})
	})
	inWorld(t, verona, func(w *world) { // but not without bound
		w.online("a")
		w.post(joins("a", "me"))
		w.front.setDown(true)
		w.s.LinkDown(context.Background())
		for range 600 {
			w.backend(func(l *link) { l.says("#verona", "nurse", "x") })
		}
		w.front.take()
		w.front.setDown(false)
		w.s.LinkUp(context.Background())
		synctest.Wait()
		w.seesOf("presence #", `presence #verona@gw/me>romeo/a unavailable status="The connection was lost for too long; join again" member/none 110 333`)
	})
}

func TestWhatIsSaidBeforeTheSubjectComesAfterIt(t *testing.T) {
	inWorld(t, func(w *world) { verona(w); w.net.rooms["#verona"].subject = nil }, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.backend(func(l *link) { l.says("#verona", "nurse", "quick") })
		w.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, topic("Late")) })
		w.seesOf("message", `message #verona@gw/juliet>romeo/a groupchat subject="Late"`, `message #verona@gw/nurse>romeo/a groupchat body="quick"`)
	})
}

func TestNetworkHistoryIsNotRepeatedAfterARejoin(t *testing.T) {
	inWorld(t, func(w *world) {
		verona(w)
		h := past("nurse", "old")
		h.RemoteId = proto.String("r1")
		w.net.rooms["#verona"].history = []*pbnetwork.ConversationMessage{h}
	}, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.backend((*link).crash)
		w.wait(5 * time.Second)
		w.state(session.Online)
		w.seesOf("message")
	})
}

func TestNicksThatNoAddressCanCarry(t *testing.T) {
	inWorld(t, verona, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.backend(func(l *link) { l.says("#verona", "bad\x01nick", "hi") })
		w.sees(`message #verona@gw/bad_nick>romeo/a groupchat body="hi"`)
	})
}
