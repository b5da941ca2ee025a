// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// read collects the backend's frames, checks their numbers and acknowledges
// them.
func (m *Main) read() {
	r := pbnetwork.NewReader(m.conn)
	for {
		f, err := r.Read()
		if err == nil {
			err = m.take(f)
		}
		if err != nil {
			m.mu.Lock()
			m.err = err
			m.mu.Unlock()
			m.tell()
			// Go on reading: a fake that stops would only hide the backend's end.
			_, _ = io.Copy(io.Discard, m.conn)
			return
		}
		m.tell()
	}
}

func (m *Main) take(f pbnetwork.Frame) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkLocked(f); err != nil {
		return err
	}
	if f.Type == pbnetwork.WrapperMessage_TYPE_ACK {
		m.acked = f.Message.(*pbnetwork.Ack).GetSeq()
		return nil
	}
	m.waiting = append(m.waiting, f)
	if f.Seq == 0 {
		return nil
	}
	m.received, m.acked = f.Seq, max(m.acked, f.Ack)
	if !m.noAck && m.received%32 == 0 {
		seq := m.received
		m.workers.Go(func() { m.acknowledge(seq) })
	}
	return nil
}

func (m *Main) checkLocked(f pbnetwork.Frame) error {
	switch {
	case m.level == 0 && (f.Seq != 0 || f.Ack != 0):
		return fmt.Errorf("%s is numbered, before or without an answer to HELLO", f.Type)
	case m.level == 0 && f.Type >= 64 && f.Type != pbnetwork.WrapperMessage_TYPE_HELLO:
		return fmt.Errorf("%s is not a type of version 1", f.Type)
	case m.level == 0 && f.Type < 64 && f.Message != nil && extended(f.Message.ProtoReflect()) != "":
		return fmt.Errorf("%s carries %s, which is not of version 1", f.Type, extended(f.Message.ProtoReflect()))
	case m.level > 0 && pbnetwork.Numbered(f.Type) != (f.Seq != 0):
		return fmt.Errorf("%s has number %d", f.Type, f.Seq)
	case f.Seq != 0 && f.Seq != m.received+1:
		return fmt.Errorf("%s has number %d, expected was %d", f.Type, f.Seq, m.received+1)
	case f.Ack > m.seq:
		return fmt.Errorf("%s acknowledges %d, the last sent was %d", f.Type, f.Ack, m.seq)
	}
	return nil
}

// extended names a field of the extension that is set in a message or below it,
// "" if none is.
func extended(m protoreflect.Message) (name string) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Number() >= 64:
			name = string(f.FullName())
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && name == ""; i++ {
				name = extended(v.List().Get(i).Message())
			}
		default:
			name = extended(v.Message())
		}
		return name == ""
	})
	return name
}

func (m *Main) acknowledge(seq uint64) {
	b, err := pbnetwork.Append(nil, pbnetwork.Frame{
		Type: pbnetwork.WrapperMessage_TYPE_ACK, Message: &pbnetwork.Ack{Seq: &seq},
	})
	if err != nil {
		panic(err)
	}
	select {
	case m.out <- b:
	case <-m.stopping:
	}
}

func (m *Main) tell() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// Acknowledged is the highest number that the backend has acknowledged.
func (m *Main) Acknowledged() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acked
}

// Expect waits for the first frame of type t for which every match holds, and
// takes it. Frames of other types, and others of this type, keep waiting for
// their own Expect: they may come before or after.
func (m *Main) Expect(t pbnetwork.Type, match ...func(pbnetwork.Frame) bool) pbnetwork.Frame {
	m.t.Helper()
	timeout := time.After(m.timeout)
	for {
		f, ok, err := m.pick(t, match)
		if ok {
			return f
		}
		if err != nil {
			m.t.Fatalf("expected %s; the connection ended: %v; unexpected so far: %s", t, err, m.unexpected())
		}
		select {
		case <-m.news:
		case <-timeout:
			m.t.Fatalf("expected %s, which did not come; instead: %s", t, m.unexpected())
		}
	}
}

// pick takes the first waiting frame that matches.
func (m *Main) pick(t pbnetwork.Type, match []func(pbnetwork.Frame) bool) (pbnetwork.Frame, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.waiting, func(f pbnetwork.Frame) bool {
		return f.Type == t && !slices.ContainsFunc(match, func(ok func(pbnetwork.Frame) bool) bool { return !ok(f) })
	})
	if i < 0 {
		return pbnetwork.Frame{}, false, m.err
	}
	f := m.waiting[i]
	m.waiting = slices.Delete(m.waiting, i, i+1)
	return f, true, nil
}

// Next waits for the next frame of any type and takes it.
func (m *Main) Next() pbnetwork.Frame {
	m.t.Helper()
	timeout := time.After(m.timeout)
	for {
		m.mu.Lock()
		if len(m.waiting) > 0 {
			f := m.waiting[0]
			m.waiting = m.waiting[1:]
			m.mu.Unlock()
			return f
		}
		err := m.err
		m.mu.Unlock()
		if err != nil {
			m.t.Fatalf("expected a frame; the connection ended: %v", err)
		}
		select {
		case <-m.news:
		case <-timeout:
			m.t.Fatal("expected a frame; none came")
		}
	}
}

// Waiting takes all frames that came and were not expected.
func (m *Main) Waiting() []pbnetwork.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.waiting
	m.waiting = nil
	return w
}

// Barrier waits until the backend's connection has handled all that was sent
// before: a PING and its PONG. It says nothing about users' calls, which run
// on their own.
func (m *Main) Barrier() {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_PING, nil)
	m.Expect(pbnetwork.WrapperMessage_TYPE_PONG)
	m.Expect(pbnetwork.WrapperMessage_TYPE_STATS)
}

// unexpected describes the frames that wait, for a failure's text.
func (m *Main) unexpected() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, f := range m.waiting {
		all = append(all, fmt.Sprintf("%s{%v}", f.Type, f.Message))
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// Get is Expect with the message in its own type.
func Get[M proto.Message](m *Main, t pbnetwork.Type, match ...func(M) bool) M {
	m.t.Helper()
	f := m.Expect(t, func(f pbnetwork.Frame) bool {
		x, ok := f.Message.(M)
		return ok && !slices.ContainsFunc(match, func(ok func(M) bool) bool { return !ok(x) })
	})
	return f.Message.(M)
}
