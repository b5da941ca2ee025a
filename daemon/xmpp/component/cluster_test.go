// SPDX-License-Identifier: GPL-2.0-or-later

package component_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

const ours = "a.irc.example.org"

// One of several components of a domain cannot know where a ping to the domain
// comes back; it can know that of its alias.
func TestLinkIsFencedByItsAlias(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startAs(t, ours)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		first := s.next(t)
		if first.Get("to") != ours || first.Get("from") != "irc.example.org" {
			t.Fatalf("the first stanza is %v", first)
		}
		s.write(t, fenceBack(first))
		if !<-h.alias {
			t.Fatal("the alias is said not to work")
		}
		h.message(t, "one")
		fence := s.next(t)
		if fence.Name != "iq" {
			fence = s.next(t)
		}
		if fence.Get("to") != ours {
			t.Fatalf("fence %v", fence)
		}
		s.write(t, fenceBack(fence))
		go s.serve(func(*xmpp.Element) {})
		time.Sleep(10 * time.Minute)
		if !h.latest().Connected {
			t.Errorf("%+v", h.latest())
		}
	})
}

func TestAliasThatTheServerDoesNotDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startAs(t, ours)
		s := h.accept(t)
		go func() {
			for {
				if _, err := s.dec.Next(); err != nil {
					return
				}
			}
		}()
		if <-h.alias {
			t.Error("the alias is said to work")
		}
		// Nobody knows whose fences come back, so that silence says nothing.
		time.Sleep(10 * time.Minute)
		if !h.latest().Connected || len(h.alias) > 0 {
			t.Errorf("%+v, said again %d times", h.latest(), len(h.alias))
		}
	})
}

func TestWhatOtherComponentsOfTheDomainSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startAs(t, ours)
		s := h.accept(t)
		s.write(t, fenceBack(s.next(t)))
		// Another's fence, a client's try, and what another hands on.
		s.write(t, `<iq type='get' id='1' from='irc.example.org' to='irc.example.org'><ping xmlns='urn:xmpp:ping'/></iq>`)
		s.write(t, `<message id='2' from='eve@example.org/x' to='`+ours+`'><body>let me in</body></message>`)
		s.write(t, `<message id='3' from='b.irc.example.org' to='`+ours+`'><relay xmlns='urn:x'/></message>`)
		if got := <-h.handled; got.Get("id") != "3" {
			t.Errorf("handled %v", got)
		}
		if e := s.next(t); e.Get("type") != "error" || e.Get("to") != "eve@example.org/x" {
			t.Errorf("the client is told %v", e)
		}
		if len(h.handled) > 0 {
			t.Errorf("also handled %v", <-h.handled)
		}
	})
}

func TestPausedComponentStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		s := h.accept(t)
		h.wantState(t, "connected to server:5347")
		h.message(t, "one")
		h.c.Pause("the database is away")
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
		s.conn.Close()
		h.wantState(t, "not connected to server:5347: the database is away")
		if messages != 1 {
			t.Errorf("%d messages before the end", messages)
		}
		if err := h.c.Send(t.Context(), xmpp.NewPresence("", "", "")); err != component.ErrDown {
			t.Errorf("Send: %v", err)
		}
		synctest.Wait()
		select {
		case <-h.dials:
			t.Fatal("it connects while it is paused")
		case <-time.After(time.Hour):
		}
		h.c.Resume()
		h.accept(t)
		h.wantState(t, "connected to server:5347")
	})
}
