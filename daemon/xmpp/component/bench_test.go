// SPDX-License-Identifier: GPL-2.0-or-later

package component_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/component"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
)

// traffic is what a gateway gets: as Prosody writes it.
const traffic = `<message from='juliet@example.org/balcony' id='purple6f3a' to='romeo@irc.example.org' type='chat' xml:lang='en'>` +
	`<body>Wherefore art thou &lt;Romeo&gt;?</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
	`<request xmlns='urn:xmpp:receipts'/></message>` +
	`<message from='juliet@example.org/balcony' to='romeo@irc.example.org' type='chat' id='c1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>` +
	`<presence from='juliet@example.org/balcony' to='irc.example.org'><show>away</show><status>I am out for lunch</status>` +
	`<c hash='sha-1' ver='q07IKJEyjvHSyhy//CH0CxmKi8w=' xmlns='http://jabber.org/protocol/caps' node='http://psi-im.org'/>` +
	`<x xmlns='vcard-temp:x:update'><photo>0f1b3e8b9d7a4c5e6f708192a3b4c5d6e7f80910</photo></x></presence>` +
	`<iq from='juliet@example.org/balcony' type='get' to='irc.example.org' id='p17'><ping xmlns='urn:xmpp:ping'/></iq>` +
	`<message from='juliet@example.org/balcony' id='m18' to='#chan@irc.example.org' type='groupchat'><body>hello, everybody</body></message>`

const trafficStanzas = 5

// replay is a server that sends traffic, takes everything and returns fences.
type replay struct {
	net.Conn
	r      *repeat
	fences chan []byte
}

func (c *replay) Read(b []byte) (int, error) {
	if c.r.at == 0 {
		select {
		case fence := <-c.fences:
			return copy(b, fence), nil
		default:
		}
	}
	return c.r.Read(b)
}

// Write looks for the fence, which comes last.
func (c *replay) Write(b []byte) (int, error) {
	end := b[max(0, len(b)-200):]
	if i := bytes.LastIndex(end, []byte("<iq from='irc.example.org' to='irc.example.org'")); i >= 0 {
		c.fences <- bytes.Clone(end[i:])
	}
	return len(b), nil
}

func (c *replay) Close() error                     { return nil }
func (c *replay) SetDeadline(time.Time) error      { return nil }
func (c *replay) SetWriteDeadline(time.Time) error { return nil }
func (c *replay) SetReadDeadline(time.Time) error  { return nil }

// repeat reads head and then s n times, whole ones where they fit.
type repeat struct {
	head, s string
	n       int
	at      int
}

func (r *repeat) Read(b []byte) (n int, err error) {
	if r.head != "" {
		n := copy(b, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	if r.n <= 0 {
		return 0, io.EOF
	}
	if len(b) > len(r.s) && r.at == 0 {
		b = b[:len(b)/len(r.s)*len(r.s)]
	}
	for n < len(b) && r.n > 0 {
		c := copy(b[n:], r.s[r.at:])
		n += c
		if r.at += c; r.at == len(r.s) {
			r.at = 0
			r.n--
		}
	}
	return n, nil
}

const serverHeader = `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='irc.example.org' id='3BF96D32'>`

// BenchmarkReadAnswer is the hot path: each stanza is read, checked, routed to
// its contact by address, and answered with one stanza, which is written.
func BenchmarkReadAnswer(b *testing.B) {
	b.ReportAllocs()
	rounds := (b.N + trafficStanzas - 1) / trafficStanzas
	ctx, cancel := context.WithCancel(context.Background())
	conn := &replay{r: &repeat{head: serverHeader + "<handshake/>", s: traffic, n: rounds}, fences: make(chan []byte, 1)}
	routes := map[string]int{"romeo": 0, "": 0, "#chan": 0}
	var c *component.Component
	c = component.New(component.Options{
		Addr: "bench", JID: "irc.example.org", Secret: config.NewSecret("x"), Log: slog.New(slog.DiscardHandler),
		Dial: func(context.Context, string) (net.Conn, error) { return conn, nil },
		State: func(s component.State) {
			if s.Reason != "" {
				cancel()
			}
		},
		Handle: func(ctx context.Context, st *xmpp.Element) {
			to, err := xmpp.ParseJID(st.Get("to"))
			if err != nil {
				b.Error(err)
			}
			routes[to.Localpart()]++
			if err := c.Send(ctx, answer(st)); err != nil {
				b.Error(err)
			}
		},
	})
	b.ResetTimer()
	before := cpuTime(b)
	if err := c.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(rounds*trafficStanzas)/(cpuTime(b)-before).Seconds(), "stanzas/CPU-s")
	if n := routes["romeo"] + routes[""] + routes["#chan"]; n != rounds*trafficStanzas {
		b.Fatalf("%d stanzas of %d", n, rounds*trafficStanzas)
	}
}

func answer(st *xmpp.Element) *xmpp.Element {
	switch {
	case ping.Is(st):
		return xmpp.Result(st)
	case st.Name == "presence":
		return xmpp.NewPresence("", st.Get("to"), st.Get("from")).Add(xmpp.NewText(xmpp.NSClient, "show", "away"))
	}
	m := xmpp.NewMessage(st.Get("type"), st.Get("to"), st.Get("from"))
	if body := xmpp.Body(st); body != "" {
		m.Add(xmpp.NewText(xmpp.NSClient, "body", body))
	}
	if s := chatstate.Of(st); s != "" {
		m.Add(chatstate.Element(s))
	}
	return m
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
