// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// fakes launches backends that are goroutines behind net.Pipe.
type fakes struct {
	t *testing.T
	m *Manager
	// refuse says why backend n cannot be started; nil starts it.
	refuse func(n int) error
	// stats is what backend n reports.
	stats func(n int) int32

	ctx   context.Context
	ended chan error

	mu    sync.Mutex
	cfg   *config.Config
	last  int
	at    []time.Time // when each was started
	procs map[int]*fakeProcess
}

// fakeProcess is such a backend's process.
type fakeProcess struct {
	n      int
	nc     net.Conn
	once   sync.Once
	exited chan struct{}
	err    error
}

func (p *fakeProcess) PID() int                { return -p.n }
func (p *fakeProcess) Executable() string      { return "fake" }
func (p *fakeProcess) Exited() <-chan struct{} { return p.exited }
func (p *fakeProcess) Status() error           { return p.err }
func (p *fakeProcess) LastLine() string        { return "" }
func (p *fakeProcess) Kill()                   { p.exit(errors.New("signal: killed")) }
func (p *fakeProcess) Leave()                  {}

func (p *fakeProcess) Signal(sig syscall.Signal) error {
	p.exit(fmt.Errorf("signal: %v", sig))
	return nil
}

func (p *fakeProcess) exit(err error) {
	p.once.Do(func() {
		p.err = err
		p.nc.Close()
		close(p.exited)
	})
}

// serve answers PING and EXIT, and says CONNECTED to a LOGIN.
func (p *fakeProcess) serve(stats int32) {
	r := pbnetwork.NewReader(p.nc)
	var seq uint64
	for {
		f, err := r.Read()
		if err != nil {
			p.exit(nil)
			return
		}
		var out []byte
		switch f.Type {
		case pbnetwork.WrapperMessage_TYPE_PING:
			out, _ = pbnetwork.Append(nil, pong())
			out, _ = pbnetwork.Append(out, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_STATS, Message: &pbnetwork.Stats{
				Res: &stats, InitRes: &stats, Shared: &stats, Id: proto.String("1"),
			}})
		case pbnetwork.WrapperMessage_TYPE_LOGIN:
			seq++
			out, _ = pbnetwork.Append(nil, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONNECTED, Seq: seq, Message: &pbnetwork.Connected{User: proto.String(f.UserOf())}})
		case pbnetwork.WrapperMessage_TYPE_EXIT:
			p.exit(nil)
			return
		}
		if _, err := p.nc.Write(out); err != nil {
			p.exit(nil)
			return
		}
	}
}

func (f *fakes) open() error { return nil }
func (f *fakes) close()      {}

func (f *fakes) number() int {
	f.last++
	return f.last
}

func (f *fakes) launch(b *backend) (process, error) {
	near, away := net.Pipe()
	p := &fakeProcess{n: b.number, nc: away, exited: make(chan struct{})}
	f.mu.Lock()
	f.at = append(f.at, time.Now())
	f.procs[b.number] = p
	f.mu.Unlock()
	if f.refuse != nil {
		if err := f.refuse(b.number); err != nil {
			return nil, err
		}
	}
	stats := int32(1000)
	if f.stats != nil {
		stats = f.stats(b.number)
	}
	if err := f.m.attach(b, peer{conn: newConn(near, pbnetwork.NewReader(near), 1, f.m.t)}); err != nil {
		return nil, err
	}
	go p.serve(stats)
	return p, nil
}

// started is how long after the first each backend was started.
func (f *fakes) started() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []time.Duration
	for _, t := range f.at {
		out = append(out, t.Sub(f.at[0]))
	}
	return out
}

func (f *fakes) proc(n int) *fakeProcess {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.procs[n]
}

// inBubble runs a Manager with fake backends in fake time.
func inBubble(t *testing.T, service config.Service, test func(t *testing.T, m *Manager, f *fakes)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{t: t, cfg: &config.Config{Instance: "test", Service: service}, procs: map[int]*fakeProcess{}, ended: make(chan error, 1)}
		f.m = New(Options{Config: f.config})
		f.m.launch = f
		ctx, cancel := context.WithCancel(t.Context())
		f.ctx = ctx
		test(t, f.m, f)
		cancel()
		if err := <-f.ended; err != nil {
			t.Error(err)
		}
	})
}

// run starts the Manager.
func (f *fakes) run() {
	go func() { f.ended <- f.m.Run(f.ctx) }()
	synctest.Wait()
}

func (f *fakes) config() *config.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cfg
}

// reload puts another configuration in force.
func (f *fakes) reload(service config.Service) {
	f.mu.Lock()
	f.cfg = &config.Config{Instance: "test", Service: service}
	f.mu.Unlock()
	f.m.Reload()
	synctest.Wait()
}

// sink is a Receiver that only notes why it lost its backend.
type sink chan error

func (s sink) Frame(context.Context, pbnetwork.Frame) {}
func (s sink) Lost(reason error)                      { s <- reason }

func (f *fakes) acquire(user string) (*Link, sink) {
	f.t.Helper()
	s := make(sink, 1)
	l, err := f.m.Acquire(f.t.Context(), user, s)
	if err != nil {
		f.t.Fatalf("Acquire of %s: %v", user, err)
	}
	return l, s
}

func numbers(m *Manager) (out []int) {
	for _, b := range m.Backends() {
		out = append(out, b.ID)
	}
	return out
}

func TestFailedStartsAreRetriedWithGrowingDelays(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 10}, func(t *testing.T, m *Manager, f *fakes) {
		f.refuse = func(n int) error {
			if n > 9 {
				return nil
			}
			return errors.New("no luck")
		}
		f.run()
		waiting := make(chan error, 1)
		go func() {
			_, err := m.Acquire(t.Context(), "u@x", make(sink, 1))
			waiting <- err
		}()
		var start *StartError
		if err := <-waiting; !errors.As(err, &start) {
			t.Errorf("Acquire: %v", err)
		}
		if n := len(f.started()); n != patience {
			t.Errorf("he was told after %d starts", n)
		}
		if _, err := m.Acquire(t.Context(), "u@x", make(sink, 1)); !errors.As(err, &start) {
			t.Errorf("Acquire while starts fail: %v", err)
		}
		<-m.Ready()
		at := f.started()
		for i := 1; i < len(at); i++ {
			longest := min(time.Second<<(i-1), time.Minute)
			if d := at[i] - at[i-1]; d < longest/2 || d > longest {
				t.Errorf("start %d came %v after the one before, expected %v to %v", i+1, d, longest/2, longest)
			}
		}
		f.acquire("u@x")
	})
}

func TestCrashOfAStableBackendIsRepairedAtOnce(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 10}, func(t *testing.T, m *Manager, f *fakes) {
		f.run()
		_, lost := f.acquire("u@x")
		time.Sleep(time.Minute)
		f.proc(1).exit(errors.New("signal: killed"))
		if err := <-lost; !errors.Is(err, ErrCrashed) {
			t.Errorf("reason is %v", err)
		}
		synctest.Wait()
		if at := f.started(); len(at) != 2 || at[1] != time.Minute {
			t.Errorf("started at %v", at)
		}
		// A backend that crashes right after its start is not.
		f.proc(2).exit(errors.New("signal: killed"))
		synctest.Wait()
		if at := f.started(); len(at) != 2 {
			t.Errorf("started at %v", at)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if at := f.started(); len(at) != 3 {
			t.Errorf("started at %v", at)
		}
		if got := m.Crashed(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("crashed are %v", got)
		}
	})
}

func TestSuperfluousSpareEndsAfterAWhile(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 2, ReuseOldBackends: true}, func(t *testing.T, m *Manager, f *fakes) {
		f.run()
		var links []*Link
		for i := range 4 {
			l, _ := f.acquire(fmt.Sprint("u", i, "@x"))
			links = append(links, l)
		}
		synctest.Wait()
		if got := numbers(m); len(got) != 3 {
			t.Errorf("backends are %v", got)
		}
		for _, l := range links {
			l.Release()
			l.Release()
		}
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := numbers(m); len(got) != 3 {
			t.Errorf("backends are %v too early", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := numbers(m); len(got) != 1 {
			t.Errorf("backends are %v", got)
		}
	})
}

func TestFullBackendsAreNotReused(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 2}, func(t *testing.T, m *Manager, f *fakes) {
		f.run()
		a, _ := f.acquire("a@x")
		f.acquire("b@x")
		a.Release()
		if c, _ := f.acquire("c@x"); c.Backend() == a.Backend() {
			t.Error("a backend that was full gets a new user")
		}
	})
}

func TestLargestBackendStopsTakingUsers(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 2, ReuseOldBackends: true, MemoryCollectorTime: time.Hour}, func(t *testing.T, m *Manager, f *fakes) {
		f.stats = func(n int) int32 { return int32(10000 - n) } // the oldest is the largest
		f.run()
		a, _ := f.acquire("a@x")
		f.acquire("b@x")
		f.acquire("c@x")
		time.Sleep(59 * time.Minute)
		if s := m.Backends()[0]; s.Draining {
			t.Errorf("too early: %+v", s)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := m.Backends()[0]; !s.Draining || s.ID != a.Backend() {
			t.Errorf("status is %+v", m.Backends())
		}
	})
}

func TestOldConfigurationEndsAfterTheDrainTime(t *testing.T) {
	service := config.Service{UsersPerBackend: 10, BackendDrain: time.Hour}
	inBubble(t, service, func(t *testing.T, m *Manager, f *fakes) {
		f.run()
		_, lost := f.acquire("a@x")
		time.Sleep(time.Minute)
		service.IRCSendPass = true
		f.reload(service)
		start := time.Now()
		if err := <-lost; !errors.Is(err, ErrDrained) || time.Since(start) != time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		synctest.Wait()
		if got := numbers(m); !slices.Equal(got, []int{2}) {
			t.Errorf("backends are %v", got)
		}
		if n := len(m.Crashed()); n != 0 {
			t.Errorf("%d crashed", n)
		}
	})
}

func TestLinkRefusesFramesOfOthers(t *testing.T) {
	inBubble(t, config.Service{UsersPerBackend: 10}, func(t *testing.T, m *Manager, f *fakes) {
		f.run()
		l, _ := f.acquire("a@x")
		user, name, password := "b@x", "n", "p"
		err := l.Send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_LOGIN, Message: &pbnetwork.Login{User: &user, LegacyName: &name, Password: &password}})
		if err == nil {
			t.Error("a LOGIN of somebody else is sent")
		}
		if _, err := m.Acquire(t.Context(), "a@x", make(sink, 1)); !errors.Is(err, ErrAcquired) {
			t.Errorf("second Acquire: %v", err)
		}
		if err := l.Send(t.Context(), pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_EXIT}); err == nil {
			t.Error("a user can end his backend")
		}
		l.Release()
		mine := pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_LOGOUT, Message: &pbnetwork.Logout{User: proto.String("a@x"), LegacyName: &name}}
		if err := l.Send(t.Context(), mine); !errors.Is(err, ErrGone) {
			t.Errorf("Send after Release: %v", err)
		}
	})
}
