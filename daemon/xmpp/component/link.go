// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// errNotReading and errSilent are why a link was cut off.
var (
	errNotReading = errors.New("server does not read")
	errSilent     = errors.New("server does not answer")
)

// link is one stream, from the handshake to its end: a reader and a writer.
type link struct {
	o    *Options
	conn net.Conn
	dec  *xmpp.Decoder
	box  *outbox
	drop dropLog
	// late counts the messages that came when nothing could be sent any more. It
	// is the reader's.
	late int
	// alias belongs to the writer, but for its id, which is set before the reader begins.
	alias alias

	// waits is when the reader began to wait for the server, in Unix
	// nanoseconds, 0 while it handles what came. Only a server that is waited
	// for can be silent.
	waits atomic.Int64
}

// serve runs a link to its end.
func (c *Component) serve(ctx context.Context, conn net.Conn, dec *xmpp.Decoder) error {
	l := &link{o: &c.o, conn: conn, dec: dec, box: newOutbox(c.o.JID), drop: dropLog{log: c.o.Log}}
	l.tryAlias(time.Now())
	c.link.Store(l)
	c.o.Log.Info("link with the XMPP server is up", "addr", c.o.Addr)
	c.o.State(State{Connected: true, Addr: c.o.Addr, Text: "connected to " + c.o.Addr})
	err := l.run(ctx)
	c.link.Store(nil)
	if l.late > 0 {
		c.o.Log.Warn("messages came while the link was being closed; their senders cannot be told what became of them", "messages", l.late)
	}
	uncertain, unsent := l.box.rest()
	if ctx.Err() != nil && errors.Is(err, io.EOF) {
		uncertain = nil // the server has read up to our end of the stream
	}
	if len(uncertain) > 0 {
		c.o.Uncertain(uncertain)
	}
	if len(unsent) > 0 {
		c.o.Unsent(unsent)
	}
	return err
}

func (l *link) run(ctx context.Context) error {
	defer l.conn.Close()
	abort := make(chan struct{})
	written := make(chan error, 1)
	go func() {
		err := l.write(ctx, abort)
		l.box.shut() // wakes whoever waits for room, the reader too
		if err != nil {
			l.conn.Close() // wakes the reader
		}
		written <- err
	}()
	err := l.read(ctx)
	close(abort)
	l.conn.SetWriteDeadline(time.Now().Add(time.Second))
	if werr := <-written; werr != nil {
		return werr
	}
	if ctx.Err() == nil {
		l.sayGoodbye(err)
	}
	return err
}

// sayGoodbye ends the stream in an orderly way after the reader has stopped.
func (l *link) sayGoodbye(err error) {
	var out []byte
	var se *xmpp.StreamError
	var peer *peerError
	if errors.As(err, &se) && !errors.As(err, &peer) {
		out = xmpp.Append(out, se.Element(), xmpp.NSComponent)
	}
	// The connection may be gone already; then nobody is left to tell.
	_, _ = l.conn.Write(append(out, "</stream:stream>"...))
}

// read hands on what the server sends, until the stream ends.
func (l *link) read(ctx context.Context) error {
	for {
		l.waits.Store(time.Now().UnixNano())
		st, err := l.dec.Next()
		l.waits.Store(0)
		var bad *xmpp.BadStanza
		switch {
		case errors.As(err, &bad):
			err = l.refuse(ctx, bad)
		case err == nil:
			err = l.take(ctx, st)
		}
		if err != nil {
			return err
		}
	}
}

// take handles one child of the stream; an error ends the link.
func (l *link) take(ctx context.Context, st *xmpp.Element) error {
	if se := xmpp.StreamErrorOf(st); se != nil {
		return &peerError{se}
	}
	if !xmpp.IsStanza(st) {
		l.drop.log1(ctx, st, "unknown element")
		return nil
	}
	if l.box.passed(st) || l.aliasCame(st) || l.stray(st) {
		return nil
	}
	if condition, why := l.check(st); condition != "" {
		l.drop.log1(ctx, st, why)
		return l.answer(ctx, xmpp.ErrorReply(st, "", condition, why))
	}
	if st.Name == "message" && st.Child(xmpp.NSClient, "body") != nil && l.box.isShut() {
		l.late++ // its sender can be told nothing
	}
	l.o.Handle(ctx, st)
	return nil
}

// check looks at the addresses. What it returns besides the reason is the
// error's condition.
func (l *link) check(st *xmpp.Element) (condition, why string) {
	if _, err := xmpp.ParseJID(st.Get("from")); err != nil {
		return xmpp.JIDMalformed, "no valid sender's address"
	}
	to, err := xmpp.ParseJID(st.Get("to"))
	if err != nil {
		return xmpp.JIDMalformed, "no valid receiver's address"
	}
	if to.Domainpart() != l.o.JID && !l.fromOther(st) {
		return xmpp.ItemNotFound, "not an address of this transport"
	}
	return "", ""
}

// refuse answers a stanza that was skipped.
func (l *link) refuse(ctx context.Context, bad *xmpp.BadStanza) error {
	l.drop.log1(ctx, bad.Stanza, bad.Text)
	return l.answer(ctx, xmpp.ErrorReply(bad.Stanza, "", bad.Condition, bad.Text))
}

// answer sends an error to where it can be sent to: with both addresses, ours
// as the sender.
func (l *link) answer(ctx context.Context, reply *xmpp.Element) error {
	if reply == nil || reply.Get("to") == "" {
		return nil
	}
	if _, err := xmpp.ParseJID(reply.Get("to")); err != nil {
		return nil
	}
	if from, err := xmpp.ParseJID(reply.Get("from")); err != nil || from.Domainpart() != l.o.JID {
		reply.Set("from", l.o.JID)
	}
	return l.box.put(ctx, reply)
}

// write writes what is in the outbox until the link ends: abort is closed, the
// server is cut off, or ctx ended, where the rest is written and the stream
// closed.
func (l *link) write(ctx context.Context, abort <-chan struct{}) error {
	tick := time.NewTicker(min(l.o.Times.Idle, l.o.Times.Fence) / 4)
	defer tick.Stop()
	last := time.Now()
	for {
		ping := false
		select {
		case <-abort:
			return nil
		case <-ctx.Done():
			return l.finish(abort)
		case <-l.box.wake:
		case now := <-tick.C:
			l.aliasLate(now)
			if l.silent(now) {
				return errSilent
			}
			ping = now.Sub(last) >= l.o.Times.Idle
		}
		out := l.box.take(ping, time.Now())
		if len(out) == 0 {
			continue
		}
		last = time.Now()
		if err := l.writeOut(out, last.Add(l.o.Times.Write)); err != nil {
			select {
			case <-abort:
				return nil // the reader knows why
			default:
				return err
			}
		}
	}
}

func (l *link) writeOut(out []byte, deadline time.Time) error {
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err := l.conn.Write(out)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errNotReading
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// silent reports whether a ping is unanswered for too long while the reader
// had nothing else to do.
func (l *link) silent(now time.Time) bool {
	sent, waiting := l.box.waiting()
	since := l.waits.Load()
	limit := now.Add(-l.o.Times.Fence)
	return waiting && !l.unfenced() && since != 0 && sent.Before(limit) && time.Unix(0, since).Before(limit)
}

// finish writes the rest, closes the stream and waits for the server's end.
func (l *link) finish(abort <-chan struct{}) error {
	deadline := time.Now().Add(l.o.Times.Close)
	// The reader has as long for what comes until then.
	l.conn.SetReadDeadline(deadline)
	l.box.shut()
	out := append(l.box.take(false, time.Now()), "</stream:stream>"...)
	if err := l.writeOut(out, deadline); err != nil {
		return err
	}
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return fmt.Errorf("close stream: %w", err)
		}
	}
	<-abort
	return nil
}
