// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// startAgainst runs the backend against a hostile server.
func startAgainst(t *testing.T, h *hostile) *backendtest.Main {
	t.Helper()
	return startWith(t, &config.Config{Sections: map[string]map[string][]string{"oscar": {
		"host": {"127.0.0.1"}, "port": {fmt.Sprint(h.port())},
	}}}, 1)
}

// noise is n bytes that mean nothing, the same ones for the same seed.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Whatever a server does to a login, the user gets an error and the process
// lives.
func TestAHostileServerEndsTheLogin(t *testing.T) {
	send := func(b []byte) func(*hostileConn) bool {
		return func(c *hostileConn) bool { c.Write(b); return true }
	}
	for name, script := range map[string]hostileScript{
		"closes at once":                       {greet: send(nil)},
		"sends garbage":                        {greet: send(noise(1, 5000))},
		"speaks HTTP":                          {greet: send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))},
		"sends half a header":                  {greet: send([]byte("*\x02\x00"))},
		"sends half a frame":                   {greet: send([]byte("*\x02\x00\x01\xff\xff only this"))},
		"sends a frame of a kind that is none": {greet: send([]byte("*\x09\x00\x01\x00\x00"))},
		"sends SNACs that are none": {greet: func(c *hostileConn) bool {
			c.flap(2, []byte{1, 2, 3})
			return true
		}},
		"sends a challenge that lies": {challenge: func(c *hostileConn, p snacIn) {
			c.snac(0x17, 0x07, p.id, []byte{0xff, 0xff, 'k'})
			c.Close()
		}},
		"gives a ticket that is none": {ticket: func(c *hostileConn, p snacIn) { c.snac(0x17, 0x03, p.id, noise(2, 300)) }},
		"gives a ticket to nowhere":   {ticket: func(c *hostileConn, p snacIn) { c.snac(0x17, 0x03, p.id, ticket("127.0.0.1:1", "x")) }},
		"gives an address that is none": {ticket: func(c *hostileConn, p snacIn) {
			c.snac(0x17, 0x03, p.id, ticket("\x00\xff:port", "x"))
		}},
		"gives a cookie that BOS refuses": {
			ticket: func(c *hostileConn, p snacIn) {
				c.snac(0x17, 0x03, p.id, ticket(c.LocalAddr().String(), string(noise(3, 60000))))
			},
			bos: func(c *hostileConn, _ snacIn) bool { c.Close(); return true },
		},
		"says goodbye": {bos: func(c *hostileConn, _ snacIn) bool {
			c.flap(4, noise(4, 100))
			return true
		}},
		"has rate limits that lie": {bos: func(c *hostileConn, p snacIn) bool {
			if p.group == 0x01 && p.sub == 0x06 {
				c.snac(0x01, 0x07, p.id, append([]byte{0xff, 0xff}, noise(5, 60000)...))
				return true
			}
			return false
		}},
		"has a contact list that lies": {bos: func(c *hostileConn, p snacIn) bool {
			if p.group == 0x13 && p.sub == 0x04 {
				c.snac(0x13, 0x06, p.id, append([]byte{0, 0xff, 0xff, 0, 5}, noise(6, 3)...))
				return true
			}
			return false
		}},
		"has an endless contact list": {bos: func(c *hostileConn, p snacIn) bool {
			if p.group != 0x13 || p.sub != 0x04 {
				return false
			}
			for i := 0; c.flagged(0x13, 0x06, 1, p.id, buddies(i)) == nil; i++ {
			}
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := startAgainst(t, startHostile(t, script))
			before := heap()
			m.Login("u@xmpp.example", "100001", password)
			if d := m.Disconnected("u@xmpp.example"); d.GetMessage() == "" {
				t.Errorf("DISCONNECTED without a reason: %v", d)
			}
			if grown := heap() - before; grown > 48<<20 {
				t.Errorf("%d MiB more are in use", grown>>20)
			}
		})
	}
}

// buddies is a feedbag full of contacts, 60 kB, no two the same.
func buddies(part int) []byte {
	var items []byte
	n := 0
	for ; len(items) < 60000; n++ {
		name := fmt.Sprint(100000 + part*4000 + n)
		items = binary.BigEndian.AppendUint16(items, uint16(len(name)))
		items = append(items, name...)
		for _, v := range []uint16{1, uint16(n), 0, 0} {
			items = binary.BigEndian.AppendUint16(items, v)
		}
	}
	b := binary.BigEndian.AppendUint16([]byte{0}, uint16(n))
	return append(append(b, items...), 0, 0, 0, 0)
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapInuse)
}

// A session that is up is fed everything there is, whole and cut off.
func TestAHostileServerCannotHarmTheProcess(t *testing.T) {
	flood := func(c *hostileConn) {
		for i := range 2000 {
			body := noise(uint64(i), i%600)
			for _, k := range [][2]uint16{
				{0x01, 0x0a}, {0x01, 0x0f}, {0x01, 0x21}, {0x02, 0x06}, {0x03, 0x0b}, {0x03, 0x0c}, {0x04, 0x07}, {0x04, 0x0c},
				{0x04, 0x14}, {0x13, 0x08}, {0x13, 0x09}, {0x13, 0x0a}, {0x13, 0x19}, {0x13, 0x1b}, {0x13, 0x1c}, {0x15, 0x03},
			} {
				if c.snac(k[0], k[1], 0, body) != nil {
					return
				}
			}
		}
		// Nobody could have so many contacts, and so many to talk with.
		for i := range 60000 {
			name := fmt.Sprintf("%09d", i)
			user := append(append([]byte{byte(len(name))}, name...), 0, 0, 0, 1)
			user = append(user, tlvOf(0x1d, "\x00\x01\x00\x10"+string(noise(uint64(i), 16)))...)
			message := append(append(noise(uint64(i), 8), 0, 1), user...)
			message = append(message, tlvOf(0x02, "\x05\x01\x00\x01\x01\x01\x01\x00\x06\x00\x00\x00\x00hi")...)
			if c.snac(0x03, 0x0b, 0, user) != nil || i%20 == 0 && c.snac(0x04, 0x07, 0, message) != nil {
				return
			}
		}
	}
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	h := startHostile(t, hostileScript{bos: func(c *hostileConn, p snacIn) bool {
		if p.group == 0x01 && p.sub == 0x02 { // online
			work.Go(func() {
				c.snac(0x01, 0x0f, 1, bytes.Repeat([]byte{0xff}, 30))
				flood(c)
				c.Close()
			})
		}
		return false
	}})
	m := startAgainst(t, h)
	before := heap()
	m.Login("u@xmpp.example", "100001", password)
	if d := m.Disconnected("u@xmpp.example"); d.GetError() == int32(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED) {
		t.Errorf("DISCONNECTED %v", d)
	}
	m.Barrier()
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("%d MiB more are in use", grown>>20)
	}
}
