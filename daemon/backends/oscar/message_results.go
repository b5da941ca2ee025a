// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// messages are those whose result is not known yet, part by part, by the id of
// the request that carries the part.
type messages struct {
	mu   sync.Mutex
	open map[uint32]*part
}

// outgoing is a message of the user's; its fields are messages' to guard.
type outgoing struct {
	m *backend.Message
	// left is how many parts are not confirmed.
	left int
}

// part is one SNAC of a message.
type part struct {
	out  *outgoing
	id   uint32
	body raw
	// sent is when it went out, 0 while it waits.
	sent atomic.Int64
	// again is how often it was sent again because the server dropped it.
	again int
}

// maxAgain is how often a part that the server dropped is sent again.
const maxAgain = 3

// confirmTimeout is how long a server may take to confirm a message.
const confirmTimeout = 60 * time.Second

func (o *messages) add(p *part) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = make(map[uint32]*part)
	}
	o.open[p.id] = p
}

// take gives the part and forgets it; nil where there is none.
func (o *messages) take(id uint32) *part {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.open[id]
	if delete(o.open, id); len(o.open) == 0 {
		o.open = nil
	}
	return p
}

// acknowledged: the server took a part.
func (s *session) acknowledged(_ *link, p snac) error {
	c := cursor{b: p.body}
	cookie := c.take(8)
	part := s.messages.take(p.id)
	if part == nil {
		return nil
	}
	s.messages.mu.Lock()
	part.out.left--
	left := part.out.left
	s.messages.mu.Unlock()
	if left == 0 {
		part.out.m.Delivered(hex.EncodeToString(cookie))
	}
	return nil
}

// refused: the server did not take a part, or something else on ICBM.
func (s *session) refused(l *link, p snac) error {
	var e *snacError
	if !errors.As(p.err(), &e) {
		return nil
	}
	part := s.messages.take(p.id)
	if part == nil {
		s.log.Debug("the server refuses something", "err", e)
		return nil
	}
	if e.code == wire.ErrorCodeRateToHost && part.again < maxAgain {
		s.repeat(l, part)
		return nil
	}
	r := denialOf(e)
	part.out.m.Refused(r.condition, r.reason)
	return nil
}

// repeat sends a part again that the server dropped.
func (s *session) repeat(l *link, p *part) {
	p.again++
	p.sent.Store(0)
	p.id = l.nextID()
	s.messages.add(p)
	if _, err := l.submit(kind{wire.ICBM, wire.ICBMChannelMsgToHost}, p.id, p.body, &p.sent); err != nil {
		s.messages.take(p.id)
		p.out.m.Refused("resource-constraint", err.Error())
	}
}

// repeatDropped sends what the server did not confirm before it said that it
// had dropped SNACs and does no longer.
func (s *session) repeatDropped(l *link) {
	before := time.Now().Add(-time.Second).UnixNano()
	for _, p := range s.messages.remove(func(p *part) bool { return p.isSentBefore(before) && p.again < maxAgain }) {
		s.repeat(l, p)
	}
}

func (p *part) isSentBefore(t int64) bool {
	sent := p.sent.Load()
	return sent > 0 && sent < t
}

// remove takes the parts that match, in their order.
func (o *messages) remove(match func(*part) bool) []*part {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []*part
	for id, p := range o.open {
		if match(p) {
			all = append(all, p)
			delete(o.open, id)
		}
	}
	slices.SortFunc(all, func(a, b *part) int { return int(int64(a.id) - int64(b.id)) })
	return all
}

// sweep gives up what the server does not confirm.
func (o *messages) sweep(now time.Time) {
	before := now.Add(-confirmTimeout).UnixNano()
	for _, p := range o.remove(func(p *part) bool { return p.isSentBefore(before) }) {
		p.out.m.Unknown("the network did not confirm it")
	}
}

// giveUp ends all at the session's end: what was not sent has failed, of the
// rest nobody knows.
func (o *messages) giveUp() {
	for _, p := range o.remove(func(*part) bool { return true }) {
		if p.sent.Load() == 0 {
			p.out.m.Failed("the connection with the network ended before it was sent")
		} else {
			p.out.m.Unknown("the connection with the network ended before it was confirmed")
		}
	}
}

// denial is a refused message's error as XMPP and as its user have it.
type denial struct{ condition, reason string }

// denials are ICBM's errors.
var denials = map[uint16]denial{
	wire.ErrorCodeRateToHost:           {"resource-constraint", "you send faster than the network allows"},
	wire.ErrorCodeRateToClient:         {"resource-constraint", "the recipient gets messages faster than the network allows"},
	wire.ErrorCodeNotLoggedOn:          {"recipient-unavailable", "the recipient is not online, or does not want messages of yours, and the network did not store it"},
	wire.ErrorCodeServiceUnavailable:   {"service-unavailable", "the network's service is not available at the moment"},
	wire.ErrorCodeServiceNotDefined:    {"service-unavailable", "the network does not have this service"},
	wire.ErrorCodeNotSupportedByHost:   {"feature-not-implemented", "the network does not support this"},
	wire.ErrorCodeNotSupportedByClient: {"feature-not-implemented", "the recipient's client does not support this"},
	wire.ErrorCodeRefusedByClient:      {"not-acceptable", "the recipient's client refused it"},
	wire.ErrorCodeReplyTooBig:          {"policy-violation", "the message is too long for the network"},
	wire.ErrorCodeRequestDenied:        {"not-allowed", "the network refused it"},
	wire.ErrorCodeBustedSnacPayload:    {"bad-request", "the network did not understand it"},
	wire.ErrorCodeInsufficientRights:   {"forbidden", "you may not do that on this network"},
	wire.ErrorCodeInLocalPermitDeny:    {"not-allowed", "you have blocked the recipient"},
	wire.ErrorCodeTooEvilSender:        {"not-allowed", "your warning level is too high"},
	wire.ErrorCodeTooEvilReceiver:      {"not-allowed", "the recipient's warning level is too high"},
	wire.ErrorCodeUserTempUnavail:      {"recipient-unavailable", "the recipient cannot be reached at the moment"},
	wire.ErrorCodeNoMatch:              {"item-not-found", "there is nobody of that name on the network"},
	wire.ErrorCodeListOverflow:         {"resource-constraint", "a list on the network is full"},
	wire.ErrorCodeQueueFull:            {"resource-constraint", "the recipient's queue is full"},
	wire.ErrorCodeNotWhileOnAol:        {"recipient-unavailable", "the recipient is on AOL and cannot be reached from here"},
}

// notLoggedOn are the further reasons why a recipient who is not there does
// not get a message.
var notLoggedOn = map[uint16]denial{
	wire.ICBMSubErrRemoteIMOff:          {"recipient-unavailable", "the recipient has turned messages off"},
	wire.ICBMSubErrOfflineIMNotAccepted: {"recipient-unavailable", "the recipient is not online and does not want messages stored"},
	wire.ICBMSubErrOfflineIMExceedMax:   {"resource-constraint", "the recipient is not online, and the network stores no more messages for him or her"},
}

func denialOf(e *snacError) denial {
	if r, ok := notLoggedOn[e.subcode]; ok && e.code == wire.ErrorCodeNotLoggedOn {
		return r
	}
	if r, ok := denials[e.code]; ok {
		return r
	}
	return denial{"undefined-condition", fmt.Sprintf("the network refused it (error 0x%02x)", e.code)}
}
