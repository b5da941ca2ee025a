// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/config"
)

// small is a server of a few lines, which lets everybody in, passes messages
// on and does what a test wants of a server that the real one does not do.
type small struct {
	t      testing.TB
	listen net.Listener
	// rates are the rate classes; ICBM's messages are in class 3.
	rates []wire.RateParamsSNAC
	// on is called with what the real one would have to answer; true means
	// that it is done with.
	on func(c *smallConn, f wire.SNACFrame, body []byte) bool

	mu    sync.Mutex
	users map[string]*smallConn
	work  sync.WaitGroup
}

// smallConn is a connection with a small server.
type smallConn struct {
	*wire.FlapClient
	name string
}

func startSmall(t testing.TB, s *small) *small {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.listen, s.users = t, l, map[string]*smallConn{}
	s.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.work.Go(func() { defer conn.Close(); s.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return s
}

func (s *small) config() *config.Config {
	return &config.Config{Sections: map[string]map[string][]string{"oscar": {"host": {s.listen.Addr().String()}}}}
}

// user is a user's connection with BOS.
func (s *small) user(name string) *smallConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[name]
}

// tell sends an unasked SNAC.
func (c *smallConn) tell(group, sub uint16, id uint32, body any) {
	_ = c.SendSNAC(wire.SNACFrame{FoodGroup: group, SubGroup: sub, RequestID: id}, body)
}

func (s *small) serve(conn net.Conn) {
	c := &smallConn{FlapClient: wire.NewFlapClient(0, conn, conn)}
	if c.SendSignonFrame(nil) != nil {
		return
	}
	hello, err := c.ReceiveSignonFrame()
	if err != nil {
		return
	}
	if cookie, ok := hello.String(wire.LoginTLVTagsAuthorizationCookie); ok {
		c.name = cookie
		s.mu.Lock()
		s.users[c.name] = c
		s.mu.Unlock()
		c.tell(wire.OService, wire.OServiceHostOnline, 0, wire.SNAC_0x01_0x03_OServiceHostOnline{FoodGroups: []uint16{1, 2, 3, 4, 9, 0x13}})
	}
	for {
		f, err := c.ReceiveFLAP()
		if err != nil || f.FrameType == wire.FLAPFrameSignoff {
			return
		}
		r := bytes.NewReader(f.Payload)
		var head wire.SNACFrame
		if f.FrameType != wire.FLAPFrameData || wire.UnmarshalBE(&head, r) != nil {
			continue
		}
		body := f.Payload[len(f.Payload)-r.Len():]
		if s.on == nil || !s.on(c, head, body) {
			s.answer(c, head, body)
		}
	}
}

func (s *small) answer(c *smallConn, f wire.SNACFrame, body []byte) {
	reply := func(sub uint16, v any) { c.tell(f.FoodGroup, sub, f.RequestID, v) }
	switch [2]uint16{f.FoodGroup, f.SubGroup} {
	case [2]uint16{wire.BUCP, wire.BUCPChallengeRequest}:
		var q wire.SNAC_0x17_0x06_BUCPChallengeRequest
		_ = wire.UnmarshalBE(&q, bytes.NewReader(body))
		c.name, _ = q.String(wire.LoginTLVTagsScreenName)
		reply(wire.BUCPChallengeResponse, wire.SNAC_0x17_0x07_BUCPChallengeResponse{AuthKey: "key"})
	case [2]uint16{wire.BUCP, wire.BUCPLoginRequest}:
		reply(wire.BUCPLoginResponse, wire.SNAC_0x17_0x03_BUCPLoginResponse{TLVRestBlock: s.ticket(c.name)})
	case [2]uint16{wire.OService, wire.OServiceClientVersions}:
		reply(wire.OServiceHostVersions, wire.SNAC_0x01_0x18_OServiceHostVersions{})
	case [2]uint16{wire.OService, wire.OServiceRateParamsQuery}:
		reply(wire.OServiceRateParamsReply, s.rateReply())
	case [2]uint16{wire.OService, wire.OServiceUserInfoQuery}:
		reply(wire.OServiceUserInfoUpdate, wire.TLVUserInfo{ScreenName: c.name})
	case [2]uint16{wire.Feedbag, wire.FeedbagQuery}:
		reply(wire.FeedbagReply, wire.SNAC_0x13_0x06_FeedbagReply{})
	case [2]uint16{wire.ICBM, wire.ICBMChannelMsgToHost}:
		s.pass(c, f, body)
	}
}

// ticket leads to this server, or in a test to another one.
func (s *small) ticket(name string) wire.TLVRestBlock {
	return wire.TLVRestBlock{TLVList: wire.TLVList{
		wire.NewTLVBE(wire.LoginTLVTagsReconnectHere, s.listen.Addr().String()),
		wire.NewTLVBE(wire.LoginTLVTagsAuthorizationCookie, name),
	}}
}

func (s *small) rateReply() any {
	v := wire.SNAC_0x01_0x07_OServiceRateParamsReply{RateClasses: s.rates}
	for _, class := range s.rates {
		g := struct {
			ID    uint16
			Pairs []struct {
				FoodGroup uint16
				SubGroup  uint16
			} `oscar:"count_prefix=uint16"`
		}{ID: class.ID}
		if class.ID == 3 {
			g.Pairs = append(g.Pairs, struct {
				FoodGroup uint16
				SubGroup  uint16
			}{wire.ICBM, wire.ICBMChannelMsgToHost})
		}
		v.RateGroups = append(v.RateGroups, g)
	}
	return v
}

// pass passes a message on and confirms it.
func (s *small) pass(c *smallConn, f wire.SNACFrame, body []byte) {
	var m wire.SNAC_0x04_0x06_ICBMChannelMsgToHost
	if wire.UnmarshalBE(&m, bytes.NewReader(body)) != nil {
		return
	}
	if to := s.user(strings.ToLower(m.ScreenName)); to != nil {
		to.tell(wire.ICBM, wire.ICBMChannelMsgToClient, 0, wire.SNAC_0x04_0x07_ICBMChannelMsgToClient{
			Cookie: m.Cookie, ChannelID: m.ChannelID, TLVUserInfo: wire.TLVUserInfo{ScreenName: c.name}, TLVRestBlock: m.TLVRestBlock,
		})
	}
	c.tell(wire.ICBM, wire.ICBMHostAck, f.RequestID, wire.SNAC_0x04_0x0C_ICBMHostAck{Cookie: m.Cookie, ChannelID: m.ChannelID, ScreenName: m.ScreenName})
}
