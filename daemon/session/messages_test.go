// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/attention"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
)

// tells is a chat message of the user's.
func tells(to, id, text string) string {
	return fmt.Sprintf("<message type='chat' id='%s' from='%s/a' to='%s'><body>%s</body></message>", id, romeo, to, text)
}

func TestMessagesBothWays(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.buddyChanged(buddy("Juliet", stOnline))
		w.front.take()
		w.post(tells("juliet@gw.example/bot", "m1", "Good night"))
		w.netSees(`CONV_MESSAGE Juliet "Good night"`)
		w.sees()
		w.backend(func(l *link) { l.says("Juliet", "", "Good night, good night") })
		w.sees(`message juliet@gw/bot>romeo chat body="Good night, good night"`)
		w.backend(func(l *link) { l.says("stranger@example", "", "Hi") })
		w.sees(`message stranger\40example@gw/bot>romeo chat body="Hi"`)
	})
}

func TestResultsOfMessages(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post(tells("juliet@gw.example", "m1", "fail please"))
		w.sees(`message juliet@gw>romeo/a error item-not-found "Not delivered: No such number"`)
		w.post(tells("juliet@gw.example", "m2", "doubt this"))
		w.sees(`message juliet@gw>romeo/a error remote-server-timeout "The message may not have been delivered: The server hung up"`)
	})
}

func TestMessageWhileNotOnlineComesBack(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Password = "wrong" }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.front.take()
		w.post(tells("juliet@gw.example", "m1", "Hello"))
		w.sees(`message juliet@gw>romeo/a error service-unavailable "Not delivered: the network refused your login: Wrong password."`)
	})
	inWorld(t, nil, func(w *world) { // a stranger to the session
		w.post(tells("juliet@gw.example", "m1", "Hello"))
		w.sees(`message juliet@gw>romeo/a error service-unavailable "Not delivered: you are not logged in to the network; send presence to gw.example first"`)
		w.ended()
	})
}

func TestCrashReturnsWhatWasNotConfirmedAndReconnects(t *testing.T) {
	inWorld(t, func(w *world) { w.net.slow = true }, func(w *world) {
		w.online("a")
		w.post(tells("juliet@gw.example", "m1", "One"))
		w.post(tells("nurse@gw.example", "m2", "Two"))
		w.backend((*link).crash)
		w.state(session.Reconnecting)
		got := w.front.take()
		w.compare(briefs(got), []string{
			`message juliet@gw>romeo/a error remote-server-timeout "The message may not have been delivered: The connection with the network was lost"`,
			`message nurse@gw>romeo/a error remote-server-timeout "The message may not have been delivered: The connection with the network was lost"`,
			`presence gw>romeo show="away" status="Reconnecting since 00:00 UTC: The connection with the network was lost"`})
		if len(got) == 3 && (got[0].Get("id") != "m1" || got[1].Get("id") != "m2") {
			t.Error("ids of the returned messages are wrong")
		}
		w.post(tells("juliet@gw.example", "m3", "Three"))
		w.sees(`message juliet@gw>romeo/a error service-unavailable "Not delivered: the connection with the network was lost and is being made again"`)
		w.wait(10 * time.Second)
		w.state(session.Online)
		w.sees("presence gw>romeo")
		w.netSees(`CONV_MESSAGE juliet "One"`, `CONV_MESSAGE nurse "Two"`, "LOGIN romeo")
		if id := w.s.Status().BackendID; id != 2 {
			t.Errorf("backend %d", id)
		}
	})
}

func TestVersion1HasNothingInFlight(t *testing.T) {
	inWorld(t, func(w *world) { w.net.level = 0 }, func(w *world) {
		w.online("a")
		w.post(tells("juliet@gw.example", "m1", "One"))
		if m := w.net.taken()[0]; m.MessageId != nil {
			t.Error("message id towards version 1")
		}
		w.backend((*link).crash)
		w.seesOf("message")
	})
}

func TestLateFramesOfALostBackendAreDropped(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		old := w.net.current()
		w.backend((*link).crash)
		w.wait(10 * time.Second)
		w.front.take()
		old.r.Frame(context.Background(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_DISCONNECTED,
			Message: &pbnetwork.Disconnected{User: proto.String(romeo), Error: proto.Int32(2)}})
		old.r.Lost(errors.New("again"))
		synctest.Wait()
		w.state(session.Online)
		w.sees()
	})
}

func TestReceiptsOnlyWhereTheNetworkConfirms(t *testing.T) {
	ask := "<message type='chat' id='m1' from='" + romeo + "/a' to='juliet@gw.example'><body>Hi</body><request xmlns='urn:xmpp:receipts'/></message>"
	inWorld(t, func(w *world) { w.net.features.Receipts = true }, func(w *world) {
		w.online("a")
		w.post(ask)
		sent := w.front.take()
		if len(sent) != 1 || receipts.ReceivedID(sent[0]) != "m1" || sent[0].Get("to") != romeo+"/a" {
			t.Errorf("sent %v", sent)
		}
		w.post(tells("juliet@gw.example", "m2", "no receipt wanted"))
		w.sees()
	})
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post(ask)
		w.sees()
	})
}

func TestTypingAndAttention(t *testing.T) {
	state := func(s string) string {
		return "<message type='chat' from='" + romeo + "/a' to='juliet@gw.example'><" + s + " xmlns='http://jabber.org/protocol/chatstates'/></message>"
	}
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.buddyChanged(buddy("juliet", stOnline))
		w.front.take()
		for _, s := range []string{"active", "composing", "paused", "composing", "inactive", "gone"} {
			w.post(state(s))
		}
		w.netSees("BUDDY_TYPING juliet", "BUDDY_TYPED juliet", "BUDDY_TYPING juliet", "BUDDY_STOPPED_TYPING juliet")
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, buddy("juliet", stOnline))
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED, buddy("juliet", stOnline))
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING, buddy("juliet", stOnline))
		})
		w.sees("message juliet@gw/bot>romeo chat composing", "message juliet@gw/bot>romeo chat paused", "message juliet@gw/bot>romeo chat active")
		w.post("<message type='headline' from='" + romeo + "/a' to='juliet@gw.example'><attention xmlns='urn:xmpp:attention:0'/></message>")
		w.netSees(`ATTENTION juliet ""`)
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_ATTENTION, &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("juliet"), Message: proto.String("psst")})
		})
		if sent := w.front.take(); len(sent) != 1 || !attention.Is(sent[0]) {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestHeadlinesDelaysMarkupAndFiles(t *testing.T) {
	from := func(change func(*pbnetwork.ConversationMessage)) func(l *link) {
		m := &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("juliet"), Message: proto.String("text")}
		change(m)
		return func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m) }
	}
	inWorld(t, func(w *world) { w.set.XHTML = true }, func(w *world) {
		w.online("a")
		headline := from(func(m *pbnetwork.ConversationMessage) { m.Headline = proto.Bool(true) })
		w.backend(headline)
		w.sees(`message juliet@gw/bot>romeo chat body="text"`)
		w.s.SetSetting(context.Background(), "send_headlines", "1")
		w.backend(headline)
		w.sees(`message juliet@gw/bot>romeo headline body="text"`)

		w.backend(from(func(m *pbnetwork.ConversationMessage) { m.Timestamp = proto.String("20260102T030405") }))
		if at, _ := delay.Of(w.front.take()[0]); !at.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
			t.Errorf("sent at %v", at)
		}
		w.backend(from(func(m *pbnetwork.ConversationMessage) { m.Xhtml = proto.String("<b>te</b>xt &amp; more") }))
		if got := w.front.take()[0].Child("http://jabber.org/protocol/xhtml-im", "html").String(); !strings.Contains(got, "<b>te</b>xt &amp; more") {
			t.Errorf("markup %s", got)
		}
		w.backend(from(func(m *pbnetwork.ConversationMessage) { m.Xhtml = proto.String("<b>broken") }))
		w.sees(`message juliet@gw/bot>romeo chat body="text"`)
		w.backend(from(func(m *pbnetwork.ConversationMessage) { m.Carbon = proto.Bool(true) }))
		w.sees()

		file := from(func(m *pbnetwork.ConversationMessage) {
			m.Attachment = []*pbnetwork.Attachment{{Url: proto.String("https://f.example/1")}, {Url: proto.String("https://f.example/2")}}
		})
		w.backend(file)
		if sent := w.front.take(); len(sent) != 1 || len(oob.All(sent[0])) != 2 || xmpp.Body(sent[0]) != "text" {
			t.Errorf("sent %v", sent)
		}
		w.change(func(set *session.Settings) { set.OOBSplit = true })
		w.backend(file)
		w.sees(`message juliet@gw/bot>romeo chat body="text"`, `message juliet@gw/bot>romeo chat body="https://f.example/1"`, `message juliet@gw/bot>romeo chat body="https://f.example/2"`)

		w.post("<message type='chat' from='" + romeo + "/a' to='juliet@gw.example'><body>a b</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><em>a</em> &lt;b</body></html></message>")
		if x := w.net.taken()[len(w.net.taken())-1].GetXhtml(); x != "<em>a</em> &lt;b" {
			t.Errorf("xhtml %q", x)
		}
	})
}

func TestMessagesForOneWhoIsAwayWaitAndComeOnceInOrder(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Settings["stay_connected"] = "1" }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.front.take()
		for i := range 120 {
			w.backend(func(l *link) { l.says("juliet", "", fmt.Sprintf("message %d", i)) })
		}
		w.sees()
		w.wait(time.Hour)
		w.post("<presence from='" + romeo + "/b' to='gw.example'/>")
		w.backend(func(l *link) { l.says("juliet", "", "live") })
		got := only(briefs(w.front.take()), "message")
		if len(got) != 121 {
			t.Fatalf("%d messages", len(got))
		}
		for i, line := range got[:120] {
			if line != fmt.Sprintf(`message juliet@gw/bot>romeo chat body="message %d" delayed`, i) {
				t.Fatalf("message %d is %s", i, line)
			}
		}
		if got[120] != `message juliet@gw/bot>romeo chat body="live"` {
			t.Errorf("last %s", got[120])
		}
		if len(w.store.queue) != 0 {
			t.Error("delivered messages still kept")
		}
	})
}

func TestMessagesWaitWhileTheServerIsAway(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.front.setDown(true) // before LinkDown is known
		w.backend(func(l *link) { l.says("juliet", "", "one") })
		w.s.LinkDown(context.Background())
		w.backend(func(l *link) { l.says("juliet", "", "two") })
		w.wait(time.Minute)
		w.state(session.Online)
		w.front.setDown(false)
		w.s.LinkUp(context.Background())
		synctest.Wait()
		w.seesOf("message", `message juliet@gw/bot>romeo chat body="one" delayed`, `message juliet@gw/bot>romeo chat body="two" delayed`)
		w.wait(time.Minute)
		w.seesOf("message")
	})
}

func TestQueueSurvivesTheSession(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Settings["stay_connected"] = "1" }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.backend(func(l *link) { l.says("juliet", "", "one") })
		w.s.Stop(context.Background())
		<-w.done
		w.front.take()
		w.start()
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.seesOf("message", `message juliet@gw/bot>romeo chat body="one" delayed`)
	})
}

func TestFullQueueSaysWhatIsMissing(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Settings["stay_connected"] = "1"; w.set.Queue = 2 }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.front.take()
		for i := range 4 {
			w.backend(func(l *link) { l.says(fmt.Sprintf("c%d", i), "", "x") })
		}
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.seesOf("message", `message c0@gw/bot>romeo chat body="x" delayed`, `message c1@gw/bot>romeo chat body="x" delayed`,
			`message gw>romeo chat body="There was no room to keep all messages while you were away. Some are missing, from: c2, c3"`)
	})
}

func TestBrokenStoreDoublesAndLosesNothing(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Settings["stay_connected"] = "1" }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.front.take()
		w.backend(func(l *link) { l.says("c", "", "stored") })
		w.store.setBroken(store.ErrUnavailable)
		w.backend(func(l *link) { l.says("c", "", "in memory") })
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.seesOf("message") // order before speed
		w.store.setBroken(nil)
		w.wait(6 * time.Second) // tried again by itself
		w.seesOf("message", `message c@gw/bot>romeo chat body="stored" delayed`, `message c@gw/bot>romeo chat body="in memory" delayed`)
	})
}

func TestUncertainMessagesAreNamedOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		b := buddy("12345", stOnline)
		b.Alias = proto.String("Juliet")
		w.buddyChanged(b)
		w.front.take()
		w.s.LinkDown(context.Background())
		for _, from := range []string{"12345@gw.example/bot", "nurse@gw.example/bot", "12345@gw.example/bot"} {
			st := xmpp.NewMessage("chat", from, romeo).Add(xmpp.NewText(xmpp.NSClient, "body", "?"))
			w.s.Uncertain(context.Background(), st)
		}
		w.wait(time.Minute)
		w.sees()
		w.s.LinkUp(context.Background())
		w.wait(5 * time.Second)
		w.seesOf("message", `message gw>romeo chat body="The connection with your server broke for a moment. Messages may be missing, from: Juliet, nurse"`)
		w.s.LinkUp(context.Background())
		w.wait(5 * time.Second)
		w.seesOf("message")
	})
}
