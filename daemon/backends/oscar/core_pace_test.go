// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// judge is a connection whose other end counts as a real server does.
type judge struct {
	canned
	t     *testing.T
	class wire.RateClass
	mu    sync.Mutex
	level int32
	last  time.Time
	got   int
}

func (j *judge) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for rest := p; len(rest) >= flapHeader; {
		size := flapHeader + int(rest[4])<<8 + int(rest[5])
		rest = rest[size:]
		at := time.Now().Add(rand.N(40 * time.Millisecond)) // the network's jitter
		if at.Before(j.last) {
			at = j.last
		}
		var status wire.RateLimitStatus
		status, j.level = wire.CheckRateLimit(j.last, at, j.class, j.level, false)
		j.last = at
		if j.got++; status == wire.RateLimitStatusLimited || status == wire.RateLimitStatusDisconnect {
			j.t.Errorf("SNAC %d would have been dropped, at level %d", j.got, j.level)
		}
	}
	return len(p), nil
}

func (j *judge) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.got
}

func TestABurstStaysWithinTheServersLimits(t *testing.T) {
	for _, class := range wire.DefaultRateLimitClasses().All() {
		synctest.Test(t, func(t *testing.T) {
			j := &judge{t: t, class: class, level: class.MaxLevel, last: time.Now(), canned: canned{bytes.NewReader(nil)}}
			u := &deaf{t: t}
			s := newNetwork(settings{}).newSession(u, backend.Login{LegacyName: "100001"})
			l := newLink(s, wire.BOS, j, nil)
			of := kind{wire.ICBM, wire.ICBMChannelMsgToHost}
			l.limits.set(time.Now(), []wire.RateParamsSNAC{{
				ID: uint16(class.ID), WindowSize: uint32(class.WindowSize), ClearLevel: uint32(class.ClearLevel),
				AlertLevel: uint32(class.AlertLevel), LimitLevel: uint32(class.LimitLevel),
				DisconnectLevel: uint32(class.DisconnectLevel), CurrentLevel: uint32(class.MaxLevel), MaxLevel: uint32(class.MaxLevel),
			}}, classMap{of: uint16(class.ID)})
			const burst = 60
			var last time.Duration
			for i := range burst {
				delay, err := l.submit(of, 0, raw("x"), nil)
				if err != nil {
					t.Fatalf("SNAC %d: %v", i, err)
				}
				if delay < last {
					t.Errorf("SNAC %d comes %v before the one that it follows", i, last-delay)
				}
				last = delay
			}
			time.Sleep(last + last/10 + time.Second)
			synctest.Wait()
			if j.count() != burst {
				t.Errorf("class %d: %d of %d SNACs went out in %v", class.ID, j.count(), burst, last)
			}
			l.fail(errEnded)
			u.work.Wait()
		})
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	u := &deaf{t: t}
	s := newNetwork(settings{}).newSession(u, backend.Login{LegacyName: "100001"})
	l := newLink(s, wire.BOS, canned{bytes.NewReader(nil)}, nil)
	of := kind{wire.ICBM, wire.ICBMChannelMsgToHost}
	l.limits.set(time.Now(), []wire.RateParamsSNAC{{ID: 1, WindowSize: 2, LimitLevel: 50_000, AlertLevel: 50_000, ClearLevel: 50_000, MaxLevel: 60_000}}, classMap{of: 1})
	var err error
	for range maxQueued + 1 {
		if err == nil {
			_, err = l.submit(of, 0, nil, nil)
		}
	}
	if err != errBusy {
		t.Errorf("after %d SNACs that wait: %v", maxQueued, err)
	}
	l.fail(errEnded)
	u.work.Wait()
}
