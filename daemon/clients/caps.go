// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

const (
	capsKept       = 1024 // programs that are remembered
	interestsLimit = 256  // of one program
	interestLimit  = 256  // bytes of each
)

// Caps remembers what clients' programs want to hear of, so that not every
// client has to be asked. It serves all users of an instance and is safe for
// any goroutine; nil remembers nothing.
type Caps struct{ known *lru.Cache[string, []string] }

// NewCaps makes a memory.
func NewCaps() *Caps {
	c, err := lru.New[string, []string](capsKept)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &Caps{c}
}

func (m *Caps) find(c disco.Caps) ([]string, bool) {
	if m == nil || c.Hash != "sha-1" {
		return nil, false
	}
	return m.known.Get(c.Ver)
}

// learn remembers an answer, if it is what the hash says: one user's client
// must not be able to say what others' want (XEP-0115 §5.4).
func (m *Caps) learn(c disco.Caps, i disco.Info, interests []string) {
	if m != nil && c.Hash == "sha-1" && i.Hash() == c.Ver {
		m.known.Add(strings.Clone(c.Ver), interests)
	}
}

// interestsOf are the nodes that a program wants to hear of. They share no
// memory with i.
func interestsOf(i disco.Info) []string {
	var nodes []string
	for _, f := range i.Features {
		if strings.HasSuffix(f, pubsub.Notify) && len(f) <= interestLimit && len(nodes) < interestsLimit {
			nodes = append(nodes, strings.Clone(f))
		}
	}
	return nodes
}
