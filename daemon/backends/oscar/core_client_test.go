// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
)

// client is another client of the network's, which can say what ours never
// would.
type client struct {
	t    *testing.T
	conn net.Conn
	flap *wire.FlapClient
}

// clientOn logs in with the first clients' login.
func clientOn(t *testing.T, s *oscartest.Server, name string) *client {
	t.Helper()
	c := &client{t: t}
	c.dial(s.Addr())
	c.must(c.flap.SendSignonFrame([]wire.TLV{
		wire.NewTLVBE(wire.LoginTLVTagsScreenName, name),
		wire.NewTLVBE(wire.LoginTLVTagsRoastedPassword, wire.RoastOSCARPassword([]byte(password))),
		wire.NewTLVBE(wire.LoginTLVTagsMultiConnFlags, uint8(1)),
	}))
	f, err := c.flap.ReceiveFLAP()
	c.must(err)
	var ticket wire.TLVRestBlock
	c.must(wire.UnmarshalBE(&ticket, bytes.NewReader(f.Payload)))
	address, _ := ticket.String(wire.LoginTLVTagsReconnectHere)
	cookie, ok := ticket.Bytes(wire.LoginTLVTagsAuthorizationCookie)
	if !ok {
		t.Fatal("the login was refused")
	}
	c.dial(address)
	c.must(c.flap.SendSignonFrame([]wire.TLV{wire.NewTLVBE(wire.LoginTLVTagsAuthorizationCookie, cookie)}))
	c.await(wire.OService, wire.OServiceHostOnline)
	c.send(wire.Feedbag, wire.FeedbagUse, struct{}{})
	c.send(wire.OService, wire.OServiceClientOnline, wire.SNAC_0x01_0x02_OServiceClientOnline{})
	c.send(wire.OService, wire.OServiceUserInfoQuery, struct{}{})
	c.await(wire.OService, wire.OServiceUserInfoUpdate)
	return c
}

func (c *client) dial(address string) {
	c.t.Helper()
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 0, 1)}}
	conn, err := d.Dial("tcp", address)
	c.must(err)
	c.t.Cleanup(func() { conn.Close() })
	c.conn, c.flap = conn, wire.NewFlapClient(0, conn, conn)
	_, err = c.flap.ReceiveSignonFrame()
	c.must(err)
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("the other client: %v", err)
	}
}

func (c *client) send(group, sub uint16, body any) {
	c.t.Helper()
	c.must(c.flap.SendSNAC(wire.SNACFrame{FoodGroup: group, SubGroup: sub}, body))
}

// await reads up to a SNAC of that kind and gives its body.
func (c *client) await(group, sub uint16) []byte {
	c.t.Helper()
	c.must(c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)))
	for {
		f, err := c.flap.ReceiveFLAP()
		c.must(err)
		if f.FrameType == wire.FLAPFrameSignoff {
			c.must(errors.New("the server signed off"))
		}
		r := bytes.NewReader(f.Payload)
		var head wire.SNACFrame
		if f.FrameType != wire.FLAPFrameData || wire.UnmarshalBE(&head, r) != nil {
			continue
		}
		if head.FoodGroup == group && head.SubGroup == sub {
			return f.Payload[len(f.Payload)-r.Len():]
		}
	}
}

// say sends a message on a channel.
func (c *client) say(to string, channel uint16, tlvs ...wire.TLV) {
	c.t.Helper()
	c.send(wire.ICBM, wire.ICBMChannelMsgToHost, wire.SNAC_0x04_0x06_ICBMChannelMsgToHost{
		Cookie: 4711, ChannelID: channel, ScreenName: to, TLVRestBlock: wire.TLVRestBlock{TLVList: tlvs},
	})
}

// text is the TLV of a text in a character set, with an ICQ client's features.
func text(charset uint16, b []byte) wire.TLV {
	return wire.NewTLVBE(wire.ICBMTLVAOLIMData, []wire.ICBMCh1Fragment{
		{ID: 5, Version: 1, Payload: []byte{1, 6}},
		{ID: 1, Version: 1, Payload: append([]byte{byte(charset >> 8), byte(charset), 0, 0}, b...)},
	})
}

// icqText is the TLV of a message of ICQ's own kinds.
func icqText(kind uint8, body string) wire.TLV {
	return wire.NewTLVLE(wire.ICBMTLVData, wire.ICBMCh4Message{UIN: 100002, MessageType: kind, Message: body})
}
