// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/oscar"
	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// BenchmarkManyUsers is 500 ICQ users who write to each other, two by two, at
// a server that does not limit them: what each costs this process, what comes
// through, and how long it takes.
func BenchmarkManyUsers(b *testing.B) {
	const users = 500
	names := make([]string, users)
	accounts := map[string]string{}
	for i := range names {
		names[i] = strconv.Itoa(300000 + i)
		accounts[names[i]] = password
	}
	s := oscartest.Start(b, oscartest.Options{Accounts: accounts})
	for _, n := range names {
		s.MakeBot(n)
	}
	c := &config.Config{Sections: map[string]map[string][]string{"oscar": {
		"host": {oscartest.Host}, "port": {strconv.Itoa(s.Port)}, "bind": {"127.1.0.0/16"},
	}}}
	n, err := oscar.New(backend.Options{Config: c})
	if err != nil {
		b.Fatal(err)
	}
	m := backendtest.Start(b, n, backendtest.Options{Level: 1, Config: c, Log: discard{}, Timeout: time.Minute})
	before := inUse()
	for from := 0; from < users; from += 50 {
		for _, name := range names[from : from+50] {
			m.Login(jidOf(name), name, password)
		}
		for _, name := range names[from : from+50] {
			m.Connected(jidOf(name))
		}
	}
	m.Barrier()
	m.Waiting()
	each := float64(inUse()-before) / users / 1024

	var took []time.Duration
	for b.Loop() {
		start := map[string]time.Time{}
		for i, name := range names {
			start[name] = time.Now()
			m.Message(jidOf(name), names[i^1], "hello "+name)
		}
		for range names {
			in := backendtest.Get[*pbnetwork.ConversationMessage](m, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
			took = append(took, time.Since(start[in.GetBuddyName()]))
		}
		m.Waiting()
	}
	slices.Sort(took)
	b.ReportMetric(each, "KiB/user")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50-burst")
	b.ReportMetric(alone(m, names[0], names[1]), "ms-p50")
}

// BenchmarkThroughput is the same at a server that does next to nothing: what
// the backend itself passes on, both ways.
func BenchmarkThroughput(b *testing.B) {
	const users = 500
	s := startSmall(b, &small{})
	c := s.config()
	n, err := oscar.New(backend.Options{Config: c})
	if err != nil {
		b.Fatal(err)
	}
	m := backendtest.Start(b, n, backendtest.Options{Level: 1, Config: c, Log: discard{}, Timeout: time.Minute})
	names := make([]string, users)
	for i := range names {
		names[i] = strconv.Itoa(300000 + i)
		m.MustLogin(jidOf(names[i]), names[i], password)
	}
	m.Barrier()
	m.Waiting()
	var sent int
	for b.Loop() {
		for i, name := range names {
			m.Message(jidOf(name), names[i^1], "hello "+name)
		}
		for range names {
			m.Expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
		}
		for range names {
			m.Expect(pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT)
		}
		sent += users
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(alone(m, names[0], names[1]), "ms-p50")
}

// alone is the median time of a message in milliseconds when nobody else
// writes.
func alone(m *backendtest.Main, from, to string) float64 {
	var took []time.Duration
	for range 200 {
		start := time.Now()
		m.Message(jidOf(from), to, "hello")
		m.Incoming(jidOf(to), from)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}

// inUse is what the process has of memory, after a collection.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// discard is a log that nobody reads.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
