// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

// report is what a run of the load driver found.
type report struct {
	w                     io.Writer
	users, rate           int
	logins, idle          spent
	private, room         traffic
	before, online, after memory
}

// traffic is one kind of messages: as fast as they go, and at the fixed rate.
type traffic struct {
	flood, paced spent
	p50, p99     time.Duration
}

const reportHead = `
%d users on one IRC server, in one backend; %d processors, shared with the driver and the IRC server
                                          CPU seconds per 10,000          processors
                             a second   main process   backend    p50      p99     busy
`

// head begins the table for people; its lines follow as they are measured.
func (r *report) head() { fmt.Fprintf(r.w, reportHead, r.users, runtime.NumCPU()) }

func (r *report) line(name string, s spent) { r.row(name, s, fmt.Sprintf("%19s", "")) }

// paced is a line of what was sent at the fixed rate, with its delays.
func (r *report) paced(name string, t traffic) {
	r.row(fmt.Sprintf("%s, %d a second", name, r.rate), t.paced, fmt.Sprintf("%7.1f ms %6.1f ms", milli(t.p50), milli(t.p99)))
}

func (r *report) row(name string, s spent, delays string) {
	fmt.Fprintf(r.w, "%-28s %9.0f %14.2f %9.2f%s%6.0f %%\n", name, s.perSecond(s.n), s.per10000(s.main).Seconds(), s.per10000(s.backend).Seconds(), delays, 100*s.busy)
}

// end prints what does not fit the table, and the figures as metrics of b.
func (r *report) end(b *testing.B) {
	fmt.Fprintf(r.w, "Rooms have %d users, who all get each message: as fast as it goes, %.0f deliveries a second.\n",
		roomSize, r.room.flood.perSecond(r.room.flood.delivered))
	if r.users > 1000 {
		fmt.Fprintln(r.w, "The transport itself lets in 1000 logins at once and then 500 a second.")
	}
	fmt.Fprintf(r.w, "While nobody does anything, the main process takes %.1f %% of a processor and the backend %.1f %%.\n",
		100*r.idle.main.Seconds()/r.idle.took.Seconds(), 100*r.idle.backend.Seconds()/r.idle.took.Seconds())
	fmt.Fprintf(r.w, "\n%-28s main process      backend\n", "memory (resident)")
	for _, m := range []struct {
		when string
		memory
	}{{"before anybody was online", r.before}, {"all online", r.online}, {"after the messages", r.after}} {
		fmt.Fprintf(r.w, "%-28s %8.1f MiB %8.1f MiB\n", m.when, mib(m.main), mib(m.backend))
	}
	fmt.Fprintf(r.w, "%-28s %8.1f KiB %8.1f KiB\n", "for each user online", r.perUser(r.online.main-r.before.main), r.perUser(r.online.backend-r.before.backend))
	total := r.private.flood.n + r.private.paced.n + r.room.flood.n + r.room.paced.n
	fmt.Fprintf(r.w, "\nAll of the %d messages arrived exactly once, wherever they had to.\n", total)
	r.metrics(b)
}

// metrics are for programs that compare runs.
func (r *report) metrics(b *testing.B) {
	b.ReportMetric(r.logins.perSecond(r.users), "logins/s")
	b.ReportMetric(r.private.flood.perSecond(r.private.flood.n), "private/s")
	b.ReportMetric(r.room.flood.perSecond(r.room.flood.n), "room/s")
	b.ReportMetric(milli(r.private.p50), "private-p50-ms")
	b.ReportMetric(milli(r.private.p99), "private-p99-ms")
	b.ReportMetric(milli(r.room.p50), "room-p50-ms")
	b.ReportMetric(milli(r.room.p99), "room-p99-ms")
	b.ReportMetric(r.private.flood.per10000(r.private.flood.main).Seconds(), "main-CPU-s/10k")
	b.ReportMetric(r.private.flood.per10000(r.private.flood.backend).Seconds(), "backend-CPU-s/10k")
	b.ReportMetric(r.perUser(r.online.main-r.before.main), "main-KiB/user")
	b.ReportMetric(r.perUser(r.online.backend-r.before.backend), "backend-KiB/user")
}

func mib(kib int) float64                 { return float64(kib) / 1024 }
func milli(d time.Duration) float64       { return float64(d) / float64(time.Millisecond) }
func (r *report) perUser(kib int) float64 { return float64(kib) / float64(r.users) }
