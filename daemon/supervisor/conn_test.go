// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// far is the backend's end of a connection in a test.
type far struct {
	t    *testing.T
	nc   net.Conn
	r    *pbnetwork.Reader
	in   chan pbnetwork.Frame
	gone chan struct{}
}

// newFar reads everything that comes.
func newFar(t *testing.T, nc net.Conn) *far {
	f := &far{t: t, nc: nc, r: pbnetwork.NewReader(nc), in: make(chan pbnetwork.Frame, 10000), gone: make(chan struct{})}
	go func() {
		defer close(f.gone)
		for {
			fr, err := f.r.Read()
			if err != nil {
				return
			}
			f.in <- fr
		}
	}()
	return f
}

func (f *far) write(frames ...pbnetwork.Frame) {
	f.t.Helper()
	for _, fr := range frames {
		b, err := pbnetwork.Append(nil, fr)
		if err != nil {
			f.t.Fatal(err)
		}
		if _, err := f.nc.Write(b); err != nil {
			f.t.Errorf("write %s: %v", fr.Type, err)
		}
	}
}

// all is what came so far but for PING, and how many of those.
func (f *far) all() (frames []pbnetwork.Frame, pings int) {
	for {
		select {
		case fr := <-f.in:
			if fr.Type == pbnetwork.WrapperMessage_TYPE_PING {
				pings++
			} else {
				frames = append(frames, fr)
			}
		default:
			return frames, pings
		}
	}
}

func pong() pbnetwork.Frame { return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_PONG} }

func connected(seq uint64) pbnetwork.Frame {
	return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONNECTED, Message: &pbnetwork.Connected{User: proto.String("u@x")}, Seq: seq}
}

func message(text string) pbnetwork.Frame {
	return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: &pbnetwork.ConversationMessage{
		UserName: proto.String("u@x"), BuddyName: proto.String("b"), Message: &text,
	}}
}

// linked runs a conn of a level against a far end.
func linked(t *testing.T, level int, handle func(context.Context, pbnetwork.Frame) error) (*conn, *far, context.CancelCauseFunc) {
	near, away := net.Pipe()
	c := newConn(near, pbnetwork.NewReader(near), level, defaultTiming())
	c.handle = handle
	if handle == nil {
		c.handle = func(context.Context, pbnetwork.Frame) error { return nil }
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go c.run(ctx)
	return c, newFar(t, away), cancel
}

var errTest = errors.New("end of the test")

func TestSilenceForOnePeriodAfterPingIsHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := linked(t, 0, nil)
		start := time.Now()
		<-c.done
		if took := time.Since(start); !errors.Is(c.err, ErrHung) || took != 20*time.Second {
			t.Errorf("after %v: %v", took, c.err)
		}
	})
}

func TestAnyFrameIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, cancel := linked(t, 0, nil)
		for range 5 {
			time.Sleep(19 * time.Second)
			f.write(connected(0))
		}
		synctest.Wait()
		if _, pings := f.all(); pings != 5 {
			t.Errorf("%d pings in 95 s", pings)
		}
		cancel(errTest)
		<-c.done
		if !errors.Is(c.err, errTest) {
			t.Errorf("it ended with %v", c.err)
		}
	})
}

func TestSilenceWhileWeDoNotReadProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, cancel := linked(t, 1, func(context.Context, pbnetwork.Frame) error {
			time.Sleep(70 * time.Second)
			return nil
		})
		f.write(connected(1))
		time.Sleep(75 * time.Second)
		select {
		case <-c.done:
			t.Fatalf("it ended with %v", c.err)
		default:
		}
		time.Sleep(45 * time.Second) // silent for more than a period by now
		<-c.done
		if !errors.Is(c.err, ErrHung) {
			t.Errorf("it ended with %v", c.err)
		}
		cancel(nil)
	})
}

func TestFramesAreAcknowledgedAfter64OrASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, cancel := linked(t, 1, nil)
		for i := range uint64(63) {
			f.write(connected(i + 1))
		}
		synctest.Wait()
		if got, _ := f.all(); len(got) != 0 {
			t.Fatalf("%v came before it was due", got)
		}
		f.write(connected(64))
		synctest.Wait()
		expectAck(t, f, 64)
		f.write(connected(65))
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if got, _ := f.all(); len(got) != 0 {
			t.Fatalf("%v came before it was due", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		expectAck(t, f, 65)
		f.write(connected(66))
		synctest.Wait()
		if err := c.out.send(t.Context(), message("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got, _ := f.all()
		if len(got) != 1 || got[0].Seq != 1 || got[0].Ack != 66 {
			t.Errorf("the acknowledgement does not travel with the message: %v", got)
		}
		cancel(errTest)
		<-c.done
	})
}

func expectAck(t *testing.T, f *far, seq uint64) {
	t.Helper()
	got, _ := f.all()
	if len(got) != 1 || got[0].Type != pbnetwork.WrapperMessage_TYPE_ACK || got[0].Message.(*pbnetwork.Ack).GetSeq() != seq {
		t.Fatalf("got %v, not an ACK of %d", got, seq)
	}
}

func TestNumbersThatCannotBeEndTheConnection(t *testing.T) {
	ack := uint64(9)
	for name, bad := range map[string]pbnetwork.Frame{
		"gap":                      connected(3),
		"ACK of what was not sent": {Type: pbnetwork.WrapperMessage_TYPE_ACK, Message: &pbnetwork.Ack{Seq: &ack}},
		"the same, piggybacked":    {Type: pbnetwork.WrapperMessage_TYPE_CONNECTED, Message: &pbnetwork.Connected{User: proto.String("u")}, Seq: 2, Ack: 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, f, _ := linked(t, 1, nil)
				f.write(connected(1), bad)
				<-c.done
				if !errors.Is(c.err, ErrProtocol) {
					t.Errorf("it ended with %v", c.err)
				}
			})
		})
	}
}

func TestVersion1PeerSeesNoNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, cancel := linked(t, 0, nil)
		f.write(connected(7), connected(3)) // fields that version 1 does not know
		if err := c.out.send(t.Context(), message("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got, pings := f.all()
		if len(got) != 1 || got[0].Seq != 0 || got[0].Ack != 0 || pings != 1 {
			t.Errorf("got %v and %d pings", got, pings)
		}
		cancel(errTest)
		<-c.done
	})
}

func TestPeerThatDoesNotReadBlocksNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, away := net.Pipe()
		c := newConn(near, pbnetwork.NewReader(near), 1, defaultTiming())
		c.handle = func(context.Context, pbnetwork.Frame) error { return nil }
		go c.run(t.Context())
		start := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		for err == nil {
			err = c.out.send(short, message(strings.Repeat("x", 100_000)))
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if err := c.out.send(t.Context(), message("x")); !errors.Is(err, ErrGone) {
			t.Errorf("send: %v", err)
		}
		<-c.done
		if !errors.Is(c.err, ErrHung) || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), c.err)
		}
		away.Close()
	})
}

func TestWhatWasSentBeforeTheEndIsStillRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		c, f, _ := linked(t, 1, func(context.Context, pbnetwork.Frame) error { taken++; return nil })
		for i := range uint64(10) {
			f.write(connected(i + 1))
		}
		f.nc.Close()
		<-c.done
		if taken != 10 || !errors.Is(c.err, io.EOF) {
			t.Errorf("%d frames were taken, it ended with %v", taken, c.err)
		}
	})
}

func TestFrameThatCannotBeEncodedHurtsOnlyItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, cancel := linked(t, 1, nil)
		if err := c.out.send(t.Context(), message(strings.Repeat("x", pbnetwork.MaxFrame))); err == nil {
			t.Error("a frame that is too long is sent")
		}
		if err := c.out.send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_LOGIN, Message: &pbnetwork.Login{}}); err == nil {
			t.Error("a frame without required fields is sent")
		}
		if err := c.out.send(t.Context(), message("x")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got, _ := f.all(); len(got) != 1 || got[0].Seq != 1 {
			t.Errorf("got %v", got)
		}
		cancel(errTest)
		<-c.done
	})
}
