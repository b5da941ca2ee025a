// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// hostile is a server that goes through a login as servers do, up to where its
// script takes over.
type hostile struct {
	t        *testing.T
	listener net.Listener
	script   hostileScript
	work     sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

// hostileScript is what the server does instead of behaving; nil parts behave.
type hostileScript struct {
	// greet has the new connection first, login and BOS alike.
	greet func(c *hostileConn) (done bool)
	// challenge and ticket answer the two steps of the login.
	challenge, ticket func(c *hostileConn, p snacIn)
	// bos gets each SNAC of the session; true if it has been answered.
	bos func(c *hostileConn, p snacIn) (answered bool)
}

// hostileConn is a connection of a client's.
type hostileConn struct {
	net.Conn
	mu  sync.Mutex
	seq uint16
}

// snacIn is what a client sent.
type snacIn struct {
	group, sub uint16
	id         uint32
}

func startHostile(t *testing.T, script hostileScript) *hostile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, listener: l, script: script}
	h.work.Go(h.accept)
	t.Cleanup(func() {
		l.Close()
		h.mu.Lock()
		for _, c := range h.conns {
			c.Close()
		}
		h.mu.Unlock()
		h.work.Wait()
	})
	return h
}

func (h *hostile) port() int { return h.listener.Addr().(*net.TCPAddr).Port }

func (h *hostile) accept() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns = append(h.conns, c)
		h.mu.Unlock()
		h.work.Go(func() {
			defer c.Close()
			h.serve(&hostileConn{Conn: c})
		})
	}
}

// serve is one connection: the login where the client asks for a challenge,
// BOS where it comes with a cookie.
func (h *hostile) serve(c *hostileConn) {
	if h.script.greet != nil && h.script.greet(c) {
		return
	}
	c.flap(1, []byte{0, 0, 0, 1})
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		kind, b, err := c.read()
		switch {
		case err != nil || kind == 4:
			return
		case kind == 1 && len(b) > 4: // with a cookie
			c.snac(0x01, 0x03, 0, []byte{0, 1, 0, 2, 0, 3, 0, 4, 0, 9, 0, 0x13, 0, 0x15})
		case kind == 2 && len(b) >= 10:
			h.answer(c, snacIn{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[6:])})
		}
	}
}

func (h *hostile) answer(c *hostileConn, p snacIn) {
	switch {
	case p.group == 0x17 && p.sub == 0x06 && h.script.challenge != nil:
		h.script.challenge(c, p)
	case p.group == 0x17 && p.sub == 0x06:
		c.snac(0x17, 0x07, p.id, []byte{0, 3, 'k', 'e', 'y'})
	case p.group == 0x17 && h.script.ticket != nil:
		h.script.ticket(c, p)
	case p.group == 0x17:
		c.snac(0x17, 0x03, p.id, ticket(fmt.Sprintf("127.0.0.1:%d", h.port()), "cookie"))
	case h.script.bos != nil && h.script.bos(c, p):
	case p.group == 0x01 && p.sub == 0x17:
		c.snac(0x01, 0x18, p.id, []byte{0, 1, 0, 4})
	case p.group == 0x01 && p.sub == 0x06:
		c.snac(0x01, 0x07, p.id, []byte{0, 0})
	case p.group == 0x13 && (p.sub == 0x04 || p.sub == 0x05):
		c.snac(0x13, 0x06, p.id, []byte{0, 0, 0, 0, 0, 0, 0})
	case p.group == 0x01 && p.sub == 0x0e:
		c.snac(0x01, 0x0f, p.id, append([]byte{6}, "100001\x00\x00\x00\x00"...))
	}
}

// ticket is a login's answer.
func ticket(address, cookie string) []byte {
	b := tlvOf(0x01, "100001")
	b = append(b, tlvOf(0x05, address)...)
	return append(b, tlvOf(0x06, cookie)...)
}

func tlvOf(tag uint16, value string) []byte {
	b := binary.BigEndian.AppendUint16(nil, tag)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// flap writes a frame; a client that has gone is no error.
func (c *hostileConn) flap(kind byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := []byte{'*', kind, byte(c.seq >> 8), byte(c.seq), byte(len(payload) >> 8), byte(len(payload))}
	c.seq++
	c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	_, err := c.Write(append(b, payload...))
	return err
}

func (c *hostileConn) snac(group, sub uint16, id uint32, body []byte) error {
	return c.flagged(group, sub, 0, id, body)
}

// flagged is snac with flags: 1 says that more is to come.
func (c *hostileConn) flagged(group, sub, flags uint16, id uint32, body []byte) error {
	var b []byte
	for _, n := range []uint16{group, sub, flags} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	b = binary.BigEndian.AppendUint32(b, id)
	return c.flap(2, append(b, body...))
}

func (c *hostileConn) read() (kind byte, payload []byte, err error) {
	var head [6]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint16(head[4:]))
	_, err = io.ReadFull(c, payload)
	return head[1], payload, err
}
