// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// questionsLimit bounds what one client is being asked; nameShown bounds what
// is kept of a client's name.
const (
	questionsLimit = 8
	nameShown      = 64
)

// question is an IQ to the client whose answer is for us.
type question struct {
	id   string
	then func(ctx context.Context, c *Client, answer *xmpp.Element)
}

// ask sends a question from the domain. It is for the connection's calls.
func (c *Client) ask(payload *xmpp.Element, then func(context.Context, *Client, *xmpp.Element)) {
	if len(c.questions) >= questionsLimit {
		return // it does not answer
	}
	id := xmpp.NewID()
	c.questions = append(c.questions, question{id, then})
	c.reply(xmpp.NewIQ("get", c.u.o.Domain, c.full, id).Add(payload))
}

// answered reports whether iq is an answer to a question of ours, and takes it.
func (c *Client) answered(ctx context.Context, iq *xmpp.Element) bool {
	i := slices.IndexFunc(c.questions, func(q question) bool { return q.id == iq.Get("id") })
	if i < 0 || iq.Get("to") != c.u.o.Domain {
		return false
	}
	q := c.questions[i]
	if c.questions = slices.Delete(c.questions, i, i+1); len(c.questions) == 0 {
		c.questions = nil
	}
	if iq.Get("type") == "result" {
		q.then(ctx, c, iq)
	}
	return true
}

// askVersion asks the client what it is, once.
func (c *Client) askVersion() {
	if c.asked {
		return
	}
	c.asked = true
	c.ask(version.Query(), func(_ context.Context, c *Client, answer *xmpp.Element) {
		v := version.Of(answer)
		c.u.do(func() { c.name, c.version = shown(v.Name), shown(v.Version) })
	})
}

// shown is a short text on one line, with memory of its own.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s[:min(len(s), nameShown)])
	return strings.ToValidUTF8(strings.Clone(s), "")
}

// learnInterests finds out which PEP nodes the client wants to hear of, from
// the capabilities in its presence (XEP-0115, XEP-0163 §4.3).
func (c *Client) learnInterests(ctx context.Context, presence *xmpp.Element) {
	caps, ok := disco.CapsOf(presence)
	if !ok || caps.Ver == "" || caps.Ver == c.caps {
		return
	}
	c.caps = strings.Clone(caps.Ver)
	if interests, known := c.u.o.Caps.find(caps); known {
		c.subscribe(interests)
		return
	}
	c.ask(disco.InfoQuery(caps.Node+"#"+caps.Ver), func(_ context.Context, c *Client, answer *xmpp.Element) {
		if caps.Ver != c.caps {
			return // it has changed since
		}
		i := disco.ParseInfo(answer.Child(disco.NSInfo, "query"))
		interests := interestsOf(i)
		c.u.o.Caps.learn(caps, i, interests)
		c.subscribe(interests)
	})
}

func (c *Client) subscribe(interests []string) {
	c.interests.Store(&interests)
	if s := c.u.kept(); s != nil {
		s.Subscribe(c.resource, interests)
	}
}
