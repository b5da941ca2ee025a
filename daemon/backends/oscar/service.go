// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// versions are the food groups' versions that we speak.
var versions = map[uint16]uint16{
	wire.OService: 4, wire.Locate: 1, wire.Buddy: 1, wire.ICBM: 1, wire.Invite: 1, wire.Admin: 1,
	wire.Popup: 1, wire.PermitDeny: 1, wire.UserLookup: 1, wire.Stats: 1, wire.ChatNav: 1, wire.Chat: 1,
	wire.ODir: 1, wire.BART: 1, wire.Feedbag: 4, wire.ICQ: 1,
}

// open connects to a further service of the network's, which BOS has to name:
// wire.BART, wire.ChatNav, wire.Chat (with the room as tlvs), wire.Admin,
// wire.ODir. The link is ready for use; a goroutine of the session reads it
// until it or the session ends. The caller closes it. handlers take what comes
// unasked. It must not be called in a handler.
func (s *session) open(ctx context.Context, service uint16, handlers table, tlvs ...wire.TLV) (*link, error) {
	l, err := s.connectService(ctx, service, handlers, tlvs)
	if err != nil {
		return nil, fmt.Errorf("connect to the service %s: %w", wire.FoodGroupName(service), err)
	}
	return l, nil
}

func (s *session) connectService(ctx context.Context, service uint16, handlers table, tlvs []wire.TLV) (*link, error) {
	bos, err := s.online(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := bos.request(ctx, wire.OService, wire.OServiceServiceRequest, wire.SNAC_0x01_0x04_OServiceServiceRequest{
		FoodGroup: service, TLVRestBlock: wire.TLVRestBlock{TLVList: tlvs},
	})
	if err != nil {
		return nil, err
	}
	c := cursor{b: reply.body}
	all := c.tlvs()
	host, ok1 := find(all, wire.OServiceTLVTagsReconnectHere)
	cookie, ok2 := find(all, wire.OServiceTLVTagsLoginCookie)
	if !ok1 || !ok2 {
		return nil, errors.New("the server names no address for it")
	}
	l, err := s.dial(ctx, service, s.redirect(string(host.value)), handlers)
	if err != nil {
		return nil, err
	}
	if service != wire.Chat {
		// Services count against the session's own limits; a room has its own.
		l.limits = bos.limits
	}
	if err := l.signOn(ctx, cookie.value); err != nil {
		l.close()
		return nil, err
	}
	s.user.Go(func() { l.serve(context.Background()) })
	return l, nil
}

// serve reads a service's connection until it or the session ends.
func (l *link) serve(ctx context.Context) {
	err := l.run(ctx)
	l.session.log.Debug("the connection to a service has ended", "service", wire.FoodGroupName(l.service), "err", err)
	l.close()
	l.session.disown(l)
}

// signOnTimeout bounds the exchange until a connection can be used.
const signOnTimeout = 45 * time.Second

// signOn shows the cookie that the server gave, and goes through what every
// connection begins with: the food groups' versions, the rate limits, and
// ClientOnline, which for BOS comes later.
func (l *link) signOn(ctx context.Context, cookie []byte) error {
	ctx, cancel := context.WithTimeout(ctx, signOnTimeout)
	defer cancel()
	host, err := l.greet(ctx, appendTLV(nil, wire.OServiceTLVTagsLoginCookie, cookie))
	if err != nil {
		return err
	}
	groups := host.groups()
	if _, err := l.call(ctx, wire.OService, wire.OServiceClientVersions, versionsOf(groups)); err != nil {
		return err
	}
	reply, err := l.call(ctx, wire.OService, wire.OServiceRateParamsQuery, nil)
	if err != nil {
		return err
	}
	ids, err := l.takeRates(reply)
	if err != nil {
		return err
	}
	if err := l.send(wire.OService, wire.OServiceRateParamsSubAdd, wire.SNAC_0x01_0x08_OServiceRateParamsSubAdd{ClassIDs: ids}); err != nil {
		return err
	}
	if l.service == wire.BOS {
		return nil
	}
	return l.clientOnline(groups)
}

// clientOnline says that the connection is ready on our side.
func (l *link) clientOnline(groups []uint16) error {
	var body raw
	for _, g := range groups {
		if v := versions[g]; v > 0 {
			for _, n := range []uint16{g, v, 0x0110, 0x0629} {
				body = append(body, byte(n>>8), byte(n))
			}
		}
	}
	return l.send(wire.OService, wire.OServiceClientOnline, body)
}

// greet answers the server's greeting with tlvs, and waits for it to say which
// food groups it has.
func (l *link) greet(ctx context.Context, tlvs []byte) (hostOnline, error) {
	if err := l.write(wire.FLAPFrameSignon, append([]byte{0, 0, 0, 1}, tlvs...)); err != nil {
		return hostOnline{}, err
	}
	var host hostOnline
	online := kind{wire.OService, wire.OServiceHostOnline}
	handlers := l.handlers
	defer func() { l.handlers = handlers }()
	l.handlers = table{online: func(_ *session, _ *link, p snac) error {
		host.b = append([]byte{}, p.body...)
		return nil
	}}
	defer l.watch(ctx)()
	for host.b == nil {
		if err := l.step(ctx); err != nil {
			return host, err
		}
	}
	return host, nil
}

// hostOnline is a server's list of food groups.
type hostOnline struct{ b []byte }

// maxGroups is more than there are.
const maxGroups = 64

func (h hostOnline) groups() []uint16 {
	var groups []uint16
	for c := (cursor{b: h.b}); len(c.b) >= 2 && len(groups) < maxGroups; {
		groups = append(groups, c.u16())
	}
	return groups
}

func versionsOf(groups []uint16) raw {
	var body raw
	for _, g := range groups {
		if v := versions[g]; v > 0 {
			body = append(body, byte(g>>8), byte(g), byte(v>>8), byte(v))
		}
	}
	return body
}

// takeRates takes the server's rate limits over and names the classes.
func (l *link) takeRates(p snac) ([]uint16, error) {
	params, of, err := parseRates(p.body)
	if err != nil {
		return nil, fmt.Errorf("read the rate limits: %w", err)
	}
	if l.limits.done == l.done { // not those of another link
		l.limits.set(time.Now(), params, l.session.network.maps.share(of))
	}
	var ids []uint16
	for _, c := range params {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// Bounds of what a server may say about its limits.
const (
	maxClasses = 32
	maxPairs   = 2048
)

// parseRates reads SNAC(0x01,0x07): the classes, and what is in each.
func parseRates(b []byte) ([]wire.RateParamsSNAC, classMap, error) {
	c := cursor{b: b}
	n := int(c.u16())
	if n > maxClasses {
		return nil, nil, errors.New("too many rate classes")
	}
	size := rateClassSize(c.b, n)
	var params []wire.RateParamsSNAC
	for range n {
		one := cursor{b: c.take(size)}
		params = append(params, one.rateParams())
	}
	of := classMap{}
	for range n {
		id := c.u16()
		for range int(c.u16()) {
			if k := (kind{c.u16(), c.u16()}); !c.short && len(of) < maxPairs {
				of[k] = id
			}
			if c.short {
				break
			}
		}
	}
	if c.short {
		return nil, nil, errShort
	}
	return params, of, nil
}

// rateClassSize finds out whether the classes have the two fields that came
// with version 2: what follows the classes are the groups, which begin with
// the first class's number.
func rateClassSize(b []byte, n int) int {
	const short, long = 30, 35
	first := cursor{b: b}
	id := first.u16()
	at := cursor{b: b}
	at.take(n * long)
	if got := at.u16(); !at.short && got == id {
		return long
	}
	return short
}

func (c *cursor) rateParams() wire.RateParamsSNAC {
	return wire.RateParamsSNAC{
		ID: c.u16(), WindowSize: c.u32(), ClearLevel: c.u32(), AlertLevel: c.u32(),
		LimitLevel: c.u32(), DisconnectLevel: c.u32(), CurrentLevel: c.u32(), MaxLevel: c.u32(),
	}
}
