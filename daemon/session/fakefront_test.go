// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// front is an XMPP server that keeps what it was sent, while its link stands.
type front struct {
	mu   sync.Mutex
	down bool
	sent []*xmpp.Element
	// boom makes a stanza that contains it panic.
	boom string
}

var errDown = errors.New("no link")

func (f *front) Send(_ context.Context, st *xmpp.Element) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errDown
	}
	if f.boom != "" && strings.Contains(st.String(), f.boom) {
		panic("boom")
	}
	// What was really sent: a round trip through the wire.
	back, err := xmpp.Parse([]byte(st.String()))
	if err != nil {
		panic(fmt.Sprintf("unsendable stanza %s: %v", st, err))
	}
	f.sent = append(f.sent, back)
	return nil
}

func (f *front) take() []*xmpp.Element {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent
	f.sent = nil
	return sent
}

func (f *front) explodeOn(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.boom = text
}

func (f *front) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// brief is a stanza in one line, with what the tests look at.
func brief(st *xmpp.Element) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s>%s", st.Name, short(st.Get("from")), short(st.Get("to")))
	if t := st.Get("type"); t != "" {
		b.WriteString(" " + t)
	}
	for _, name := range []string{"show", "status", "subject", "body"} {
		if c := st.Child(xmpp.NSClient, name); c != nil {
			fmt.Fprintf(&b, " %s=%q", name, c.Text())
		}
	}
	if u := muc.UserOf(st); u != nil {
		for _, i := range u.Items {
			fmt.Fprintf(&b, " %s/%s", i.Affiliation, i.Role)
			if i.Nick != "" {
				b.WriteString(" nick=" + i.Nick)
			}
			if i.Actor != "" {
				b.WriteString(" actor=" + i.Actor)
			}
		}
		for _, code := range u.Statuses {
			fmt.Fprintf(&b, " %d", code)
		}
	}
	if s := chatstate.Of(st); s != "" && xmpp.Body(st) == "" {
		b.WriteString(" " + s)
	}
	if _, ok := delay.Of(st); ok {
		b.WriteString(" delayed")
	}
	if cond, text := xmpp.ErrorOf(st); cond != "" {
		fmt.Fprintf(&b, " %s %q", cond, text)
	}
	if st.Name == "iq" {
		if p := st.First(); p != nil {
			b.WriteString(" {" + p.Space + "}" + p.Name)
		}
	}
	return b.String()
}

// short leaves the domains away.
func short(j string) string {
	if j == transport {
		return "gw"
	}
	j = strings.Replace(j, "@"+transport, "@gw", 1)
	return strings.Replace(j, "romeo@montague.example", "romeo", 1)
}

func briefs(sts []*xmpp.Element) []string {
	out := []string{}
	for _, st := range sts {
		out = append(out, brief(st))
	}
	return out
}

// only keeps the lines that begin with one of the prefixes.
func only(lines []string, prefixes ...string) []string {
	out := []string{}
	for _, l := range lines {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(l, p) }) {
			out = append(out, l)
		}
	}
	return out
}
