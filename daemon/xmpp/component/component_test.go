// SPDX-License-Identifier: GPL-2.0-or-later

package component_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

func TestHandshakeAndStanzasBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		s.write(t, `<message from='a@example.org/r' to='romeo@irc.example.org'><body>hi</body></message>`)
		got := <-h.handled
		if want := `<message xmlns='jabber:client' from='a@example.org/r' to='romeo@irc.example.org'><body>hi</body></message>`; got.String() != want {
			t.Errorf("handled %v", got)
		}
		h.send(t, xmpp.NewPresence("", "romeo@irc.example.org", "a@example.org"))
		if got := s.next(t); !got.Is(xmpp.NSClient, "presence") || got.Get("to") != "a@example.org" {
			t.Errorf("server got %v", got)
		}
	})
}

func TestOrderlyEndWritesWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		for range 3 {
			h.send(t, xmpp.NewMessage("chat", "romeo@irc.example.org", "a@example.org").Add(xmpp.NewText(xmpp.NSClient, "body", "x")))
		}
		h.cancel()
		messages := 0
		for {
			e, err := s.dec.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.Name == "message" {
				messages++
			}
		}
		s.write(t, "</stream:stream>")
		if err := <-h.done; err != nil || messages != 3 {
			t.Errorf("Run: %v, %d messages", err, messages)
		}
		if n := len(h.uncertain); n != 0 {
			t.Errorf("%d uncertain after an orderly end", n)
		}
		if err := h.c.Send(t.Context(), xmpp.NewPresence("", "", "")); err != component.ErrDown {
			t.Errorf("Send: %v", err)
		}
	})
}

func TestReconnectsAtOnceThenSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		time.Sleep(time.Minute)
		lost := time.Now()
		s.conn.Close()
		h.wantState(t, "reconnecting to server:5347: the server closed the connection")
		h.refuse = syscall.ECONNREFUSED
		var last time.Duration
		for i := range 9 {
			(<-h.dials)(nil, h.refuse)
			waited := time.Since(lost)
			lost = time.Now()
			limit := min(30*time.Second, time.Second<<max(0, i-1))
			if i == 0 && waited != 0 || i > 0 && (waited < limit/2 || waited > limit) {
				t.Errorf("try %d after %v, limit %v", i, waited, limit)
			}
			last = waited
		}
		if last < 15*time.Second {
			t.Errorf("last delay %v", last)
		}
		text := h.latest().Text
		if !strings.Contains(text, "nothing listens there") || !strings.HasPrefix(text, "reconnecting to server:5347") {
			t.Errorf("state %q", text)
		}
		h.accept(t)
		synctest.Wait()
		if s := h.latest(); !s.Connected || !s.Next.IsZero() {
			t.Errorf("state %+v", s)
		}
	})
}

func TestRefusalsAreExplained(t *testing.T) {
	for condition, want := range map[string]string{
		xmpp.NotAuthorizedEnd: "service.password", xmpp.HostUnknown: "knows no component irc.example.org",
		xmpp.ConflictStream: "another connection as irc.example.org", "undefined-condition": "undefined-condition: because",
		xmpp.SystemShutdown: "shuts down",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := start(t)
			s := h.connect(t)
			s.header(t)
			s.refuse(t, &xmpp.StreamError{Condition: condition, Text: "because"})
			synctest.Wait()
			st := h.latest()
			if st.Connected || !strings.Contains(st.Text, want) || !strings.Contains(st.Text, ", next try in ") {
				t.Errorf("%s: %q", condition, st.Text)
			}
			if delay := time.Until(st.Next); condition == xmpp.NotAuthorizedEnd && (delay < 15*time.Second || delay > 30*time.Second) {
				t.Errorf("wrong secret: next try in %v", delay)
			}
		})
	}
}

func TestSilentServersAreLeft(t *testing.T) {
	for name, c := range map[string]struct {
		server func(t *testing.T, h *harness)
		want   string
		within time.Duration
	}{
		"dial hangs": {func(_ *testing.T, h *harness) { <-h.dials }, "did not answer in time", 15 * time.Second},
		"no header": {func(t *testing.T, h *harness) {
			s := h.connect(t)
			go io.Copy(io.Discard, s.conn)
		}, "did not answer in time", 15 * time.Second},
		"no handshake": {func(t *testing.T, h *harness) {
			s := h.connect(t)
			s.header(t)
			go io.Copy(io.Discard, s.conn)
		}, "did not answer in time", 15 * time.Second},
		"does not read": {func(t *testing.T, h *harness) {
			h.accept(t)
			h.wantState(t, "connected to server:5347")
			h.send(t, xmpp.NewPresence("", "irc.example.org", "a@example.org"))
		}, "does not read", 30 * time.Second},
		"answers no ping": {func(t *testing.T, h *harness) {
			s := h.accept(t)
			go io.Copy(io.Discard, s.conn)
		}, "the server does not answer", 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t)
				c.server(t, h)
				began := time.Now()
				for !strings.Contains(h.latest().Text, c.want) {
					time.Sleep(time.Second)
					if time.Since(began) > c.within+time.Second {
						t.Fatalf("after %v: %q", time.Since(began), h.latest().Text)
					}
				}
			})
		})
	}
}

func TestIdleLinkIsKeptByPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		pings := 0
		go s.serve(func(st *xmpp.Element) { pings++ })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if !h.latest().Connected || pings < 7 || pings > 11 {
			t.Errorf("%d pings, %+v", pings, h.latest())
		}
	})
}

// TestWhatWasNotFencedIsUncertain: of the messages those that the server
// answered for are certain, those written later are not, and those that were
// never written are told apart.
func TestWhatWasNotFencedIsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		h.message(t, "certain")
		var fence *xmpp.Element
		for fence == nil {
			if e := s.next(t); e.Name == "iq" {
				fence = e
			}
		}
		h.message(t, "written")
		h.send(t, xmpp.NewPresence("", "irc.example.org", "a@example.org"))
		for range 2 {
			s.next(t)
		}
		s.write(t, fenceBack(fence))
		s.next(t)              // the next fence
		h.message(t, "unread") // stays in the pipe
		synctest.Wait()
		h.message(t, "queued") // stays in the queue
		s.conn.Close()
		synctest.Wait()
		if got := fmt.Sprint(h.uncertain); got != "[written unread]" {
			t.Errorf("uncertain: %s", got)
		}
		if got := fmt.Sprint(h.unsent); got != "[queued]" {
			t.Errorf("unsent: %s", got)
		}
	})
}

func TestFullQueueWaitsAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		big := xmpp.NewPresence("", "irc.example.org", "a@example.org").Add(xmpp.NewText(xmpp.NSClient, "status", strings.Repeat("x", 300<<10)))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		sent := 0
		for ; sent < 100; sent++ {
			if err := h.c.Send(ctx, big); err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				break
			}
		}
		if sent < 4 || sent > 10 {
			t.Errorf("%d stanzas of 300 KiB fit", sent)
		}
		waiter := make(chan error)
		go func() { waiter <- h.c.Send(t.Context(), big) }()
		synctest.Wait()
		s.conn.Close()
		if err := <-waiter; err != component.ErrDown {
			t.Errorf("waiting Send: %v", err)
		}
	})
}

// TestHandlerThatWaitsForRoom: a handler in the reader's goroutine that waits
// for room must not keep the link from ending.
func TestHandlerThatWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		h.handle = func(ctx context.Context, st *xmpp.Element) {
			for h.c.Send(ctx, xmpp.NewPresence("", "irc.example.org", "a@example.org").Add(xmpp.NewText(xmpp.NSClient, "status", strings.Repeat("x", 300<<10)))) == nil {
			}
		}
		s.write(t, `<presence from='a@example.org' to='irc.example.org'/>`)
		time.Sleep(31 * time.Second)
		if text := h.latest().Text; !strings.Contains(text, "does not read") {
			t.Errorf("state %q", text)
		}
	})
}

func TestBadStanzasDoNotEndTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		answers := make(chan *xmpp.Element, 10)
		go s.serve(func(st *xmpp.Element) { answers <- st })
		for in, want := range map[string]string{
			`<iq type='get' id='1' from='a@example.org/r' to='@irc.example.org'><x/></iq>`:                                                           xmpp.JIDMalformed,
			`<message id='1' from='a@example.org/r' to='x@other.example.org'><body/></message>`:                                                      xmpp.ItemNotFound,
			`<message id='1' from='a@example.org/r'><body/></message>`:                                                                               xmpp.JIDMalformed,
			`<iq type='get' id='1' from='a@example.org/r' to='irc.example.org'><p:x/></iq>`:                                                          xmpp.BadRequest,
			`<message id='1' from='a@example.org/r' to='irc.example.org'>` + strings.Repeat("x", 10<<20) + `</message>`:                              xmpp.NotAcceptable,
			`<message id='1' from='a@example.org/r' to='irc.example.org'>` + strings.Repeat("<x>", 200) + strings.Repeat("</x>", 200) + `</message>`: xmpp.NotAcceptable,
		} {
			s.write(t, in)
			got := <-answers
			if c, _ := xmpp.ErrorOf(got); c != want || got.Get("to") != "a@example.org/r" || !strings.HasSuffix(got.Get("from"), "irc.example.org") || got.Get("id") != "1" {
				t.Errorf("%.100s: %v, want %s", in, got, want)
			}
		}
		for _, in := range []string{
			`<message to='irc.example.org'/>`, `<message from='@' to='irc.example.org'/>`, `<iq type='result' from='a@b' to='c@d'/>`,
			`<unknown/>`, `<x xmlns='urn:x'/>`, ` `, `<handshake/>`, `<presence from='a@b' to='@' type='unavailable'/>`,
		} {
			s.write(t, in)
		}
		s.write(t, `<presence from='a@example.org' to='irc.example.org'/>`)
		if st := <-h.handled; st.Name != "presence" || len(answers) != 0 {
			t.Errorf("handled %v, %d answers", st, len(answers))
		}
		if !h.latest().Connected {
			t.Errorf("%+v", h.latest())
		}
	})
}

func TestMalformedXMLEndsTheLinkWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		s.write(t, `<message><body></message>`)
		e := s.next(t)
		if se := xmpp.StreamErrorOf(e); se == nil || se.Condition != xmpp.NotWellFormed {
			t.Errorf("server got %v", e)
		}
		synctest.Wait()
		if s := h.latest(); s.Connected || !strings.Contains(s.Text, "no valid XMPP stream") {
			t.Errorf("%+v", s)
		}
		h.accept(t)
		synctest.Wait()
		if !h.latest().Connected {
			t.Error("did not reconnect")
		}
	})
}

func TestServerThatHangsUpAfterTheHandshakeIsNotStormed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		tries := 0
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		for {
			select {
			case answer := <-h.dials:
				tries++
				ours, theirs := net.Pipe()
				answer(ours, nil)
				s := newServer(theirs)
				s.header(t)
				s.readHandshake(t)
				s.write(t, "<handshake/>")
				theirs.Close()
				continue
			case <-ctx.Done():
			}
			break
		}
		if tries < 15 || tries > 50 {
			t.Errorf("%d tries in ten minutes", tries)
		}
	})
}
