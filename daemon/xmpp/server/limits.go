// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Limits bound what clients may cost. Zero fields stand for those of
// DefaultLimits, except the first two, where zero is unlimited. An address is
// an IPv4 address or an IPv6 network of 64 bits.
type Limits struct {
	Sessions   int // bound sessions in all, detached ones included
	PerAddress int // connections from one address, at any stage

	HalfOpen           int // connections in all that have not authenticated; the oldest make room
	HalfOpenPerAddress int // of them from one address; zero is PerAddress

	Negotiate time.Duration // from the connection to the bound resource, without Login
	Login     time.Duration // one Handler.Authenticate
	Write     time.Duration // 16 kB to be taken by a client before it is cut off
	Idle      time.Duration // silence before a client is asked whether it is there
	Answer    time.Duration // the answer to that
	Close     time.Duration // an orderly end of a stream
	Resume    time.Duration // how long a broken stream may be resumed

	Stream       xmpp.Limits // of each stanza, once authenticated; Skip is always on
	QueueBytes   int         // what waits for a client or for its acknowledgement
	QueueStanzas int
}

// DefaultLimits suit a server that anybody can reach.
var DefaultLimits = Limits{
	HalfOpen:  4096,
	Negotiate: 30 * time.Second, Login: 2 * time.Minute, Write: 30 * time.Second,
	Idle: 4 * time.Minute, Answer: time.Minute, Close: 5 * time.Second, Resume: 10 * time.Minute,
	Stream:     xmpp.Limits{Bytes: 512 << 10, Depth: 32, Attrs: 64, Elements: 4096},
	QueueBytes: 8 << 20, QueueStanzas: 20000,
}

// strangers is what one element may be before authentication.
var strangers = xmpp.Limits{Bytes: 8 << 10, Depth: 6, Attrs: 16, Elements: 40}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.HalfOpen, d.HalfOpen}, {&l.HalfOpenPerAddress, l.PerAddress},
		{&l.QueueBytes, d.QueueBytes}, {&l.QueueStanzas, d.QueueStanzas},
		{&l.Stream.Bytes, d.Stream.Bytes}, {&l.Stream.Depth, d.Stream.Depth},
		{&l.Stream.Attrs, d.Stream.Attrs}, {&l.Stream.Elements, d.Stream.Elements},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Negotiate, d.Negotiate}, {&l.Login, d.Login}, {&l.Write, d.Write}, {&l.Idle, d.Idle},
		{&l.Answer, d.Answer}, {&l.Close, d.Close}, {&l.Resume, d.Resume},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	l.Stream.Skip = true
	return l
}
