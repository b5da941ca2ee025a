// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestRefusalsOfMessages(t *testing.T) {
	answers := map[string]wire.SNACError{
		"offline":  {Code: wire.ErrorCodeNotLoggedOn},
		"full":     {Code: wire.ErrorCodeNotLoggedOn, TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{wire.NewTLVBE(wire.ErrorTLVErrorSubcode, wire.ICBMSubErrOfflineIMExceedMax)}}},
		"toolong":  {Code: wire.ErrorCodeReplyTooBig},
		"nomatch":  {Code: wire.ErrorCodeNoMatch},
		"whatever": {Code: 0x77},
	}
	s := startSmall(t, &small{on: func(c *smallConn, f wire.SNACFrame, body []byte) bool {
		for to, e := range answers {
			if f.FoodGroup == wire.ICBM && f.SubGroup == wire.ICBMChannelMsgToHost && strings.Contains(string(body), to) {
				c.tell(wire.ICBM, wire.ICBMErr, f.RequestID, e)
				return true
			}
		}
		return false
	}})
	m := startWith(t, s.config(), 1)
	jid := loginAs(t, m, "alice")
	for to, want := range map[string]string{
		"offline": "recipient-unavailable", "full": "resource-constraint", "toolong": "policy-violation",
		"nomatch": "item-not-found", "whatever": "undefined-condition",
	} {
		r := m.Result(m.Message(jid, to, "hello"))
		if r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetCondition() != want || r.GetReason() == "" {
			t.Errorf("to %s: %v", to, r)
		}
	}
}

func TestWhatTheServerDroppedIsSentAgain(t *testing.T) {
	var dropped atomic.Bool
	class := wire.RateParamsSNAC{ID: 3, WindowSize: 2, ClearLevel: 2, AlertLevel: 1, LimitLevel: 0, CurrentLevel: 100, MaxLevel: 1000}
	s := startSmall(t, &small{rates: []wire.RateParamsSNAC{class}, on: func(c *smallConn, f wire.SNACFrame, _ []byte) bool {
		if f.FoodGroup != wire.ICBM || f.SubGroup != wire.ICBMChannelMsgToHost || dropped.Swap(true) {
			return false
		}
		c.tell(wire.ICBM, wire.ICBMErr, f.RequestID, wire.SNACError{Code: wire.ErrorCodeRateToHost})
		return true
	}})
	m := startWith(t, s.config(), 1)
	a, b := loginAs(t, m, "alice"), loginAs(t, m, "bob")
	id := m.Message(a, "bob", "hello")
	if got := m.Incoming(b, "alice"); got.GetMessage() != "hello" {
		t.Errorf("%q came", got.GetMessage())
	}
	delivered(t, m, id)
}

func TestTheSessionMovesWithTheServer(t *testing.T) {
	second := startSmall(t, &small{})
	first := startSmall(t, &small{})
	m := startWith(t, first.config(), 1)
	jid := loginAs(t, m, "alice")
	first.user("alice").tell(wire.OService, wire.OServiceMigrateGroups, 0, struct {
		Groups []uint16 `oscar:"count_prefix=uint16"`
		wire.TLVRestBlock
	}{TLVRestBlock: second.ticket("alice")})
	listOf(m, jid)
	second.user("alice").tell(wire.ICBM, wire.ICBMChannelMsgToClient, 0, wire.SNAC_0x04_0x07_ICBMChannelMsgToClient{
		ChannelID: 1, TLVUserInfo: wire.TLVUserInfo{ScreenName: "Bob"},
		TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{text(0, []byte("here?"))}},
	})
	if got := m.Incoming(jid, "bob"); got.GetMessage() != "here?" {
		t.Errorf("%q came", got.GetMessage())
	}
	delivered(t, m, m.Message(jid, "bob", "yes"))
	for _, f := range m.Waiting() {
		if f.Type == pbnetwork.WrapperMessage_TYPE_DISCONNECTED {
			t.Errorf("the user was disconnected: %v", f.Message)
		}
	}
}

func TestStoredMessagesOfOldAreDeletedWhenTheyHaveCome(t *testing.T) {
	deleted := make(chan struct{}, 1)
	s := startSmall(t, &small{on: func(c *smallConn, f wire.SNACFrame, body []byte) bool {
		if f.FoodGroup != wire.ICQ {
			return false
		}
		envelope := func(v any) wire.SNAC_0x15_0x02_DBReply {
			return wire.SNAC_0x15_0x02_DBReply{TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{
				wire.NewTLVBE(1, wire.ICQMessageReplyEnvelope{Message: v}),
			}}}
		}
		if strings.Contains(string(body), "\x3e\x00") {
			deleted <- struct{}{}
			return true
		}
		c.tell(wire.ICQ, wire.ICQDBReply, f.RequestID, envelope(wire.ICQ_0x0041_DBQueryOfflineMsgReply{
			ICQMetadata: wire.ICQMetadata{UIN: 100001, ReqType: wire.ICQDBQueryOfflineMsgReply}, SenderUIN: 100002,
			Year: 2003, Month: 2, Day: 1, Hour: 23, Minute: 59, MsgType: 1, Message: "\xcf\xf0\xe8\xe2\xe5\xf2",
		}))
		c.tell(wire.ICQ, wire.ICQDBReply, f.RequestID, envelope(wire.ICQ_0x0042_DBQueryOfflineMsgReplyLast{
			ICQMetadata: wire.ICQMetadata{UIN: 100001, ReqType: wire.ICQDBQueryOfflineMsgReplyLast},
		}))
		return true
	}})
	c := s.config()
	c.Sections["oscar"]["encoding"] = []string{"windows-1251"}
	m := startWith(t, c, 1)
	jid := loginAs(t, m, "100001")
	if got := m.Incoming(jid, "100002"); got.GetMessage() != "Привет" || got.GetTimestamp() != "20030201T235900" {
		t.Errorf("%q of %s came", got.GetMessage(), got.GetTimestamp())
	}
	<-deleted
}

func TestTheServersFarewellIsTold(t *testing.T) {
	s := startSmall(t, &small{})
	m := startWith(t, s.config(), 1)
	jid := loginAs(t, m, "alice")
	if err := s.user("alice").NewSignoff(wire.TLVRestBlock{TLVList: wire.TLVList{wire.NewTLVBE(9, uint8(1))}}); err != nil {
		t.Fatal(err)
	}
	if d := m.Disconnected(jid); d.GetError() != int32(pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE) {
		t.Errorf("the session ended with %v", d)
	}
}
