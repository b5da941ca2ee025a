// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"errors"
	"fmt"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"mellium.im/xmpp/jid"
)

// MaxJID is the length of the longest JID, in bytes (RFC 7622 §3.1).
const MaxJID = 3071

// Parsed JIDs are kept, because the same ones come with every stanza. Only
// short ones: with this size the cache holds at most about 10 MiB, whatever
// strangers send.
const (
	cachedJIDs   = 16384
	cachedLength = 256
)

var jids = func() *lru.Cache[string, jid.JID] {
	c, err := lru.New[string, jid.JID](cachedJIDs)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return c
}()

var (
	errEmptyJID = errors.New("empty")
	errLongJID  = errors.New("longer than 3071 bytes")
	errBadJID   = errors.New("not a valid address")
)

// ParseJID parses and normalises an address strictly (RFC 7622). It is safe
// for any goroutine and cheap for addresses seen lately. The error's text does
// not repeat the address.
func ParseJID(s string) (jid.JID, error) {
	if len(s) > cachedLength {
		return parseJID(s)
	}
	if j, ok := jids.Get(s); ok {
		return j, nil
	}
	j, err := parseJID(s)
	if err == nil {
		// The key is a copy: s may be a part of a much longer stanza.
		jids.Add(strings.Clone(s), j)
	}
	return j, err
}

func parseJID(s string) (jid.JID, error) {
	switch {
	case s == "":
		return jid.JID{}, fmt.Errorf("parse JID: %w", errEmptyJID)
	case len(s) > MaxJID:
		return jid.JID{}, fmt.Errorf("parse JID: %w", errLongJID)
	}
	j, err := jid.Parse(s)
	if err == nil && j.String() != s {
		// What was normalised must be an address as well, and its own normal
		// form: idna makes "." of "..", and then nothing.
		var again jid.JID
		if again, err = jid.Parse(j.String()); !again.Equal(j) {
			err = errBadJID
		}
	}
	if err != nil || j.Domainpart() == "" {
		// The cause would repeat parts of the address.
		return jid.JID{}, fmt.Errorf("parse JID: %w", errBadJID)
	}
	return j, nil
}
