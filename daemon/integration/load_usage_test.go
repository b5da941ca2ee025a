// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// parts are the processes that the load is measured on; the driver and the IRC
// server are not.
type parts struct{ main, backend int }

// memory is what the parts take, in KiB.
type memory struct{ main, backend int }

// meter measures one phase.
type meter struct {
	parts
	began         time.Time
	main, backend time.Duration
	busy, idle    int64
}

// spent is what a phase took: n messages or logins, delivered messages, the
// time, the processor time of the parts, and how busy the machine was.
type spent struct {
	n, delivered  int
	took          time.Duration
	main, backend time.Duration
	busy          float64
}

// perSecond is how many of n things went through in a second.
func (s spent) perSecond(n int) float64 { return float64(n) / s.took.Seconds() }

// per10000 is the processor time that 10,000 of the phase's things take.
func (s spent) per10000(cpu time.Duration) time.Duration {
	return cpu * 10000 / time.Duration(max(1, s.n))
}

func (p parts) begin(b *testing.B) meter {
	m := meter{parts: p, main: cpuOf(b, p.main), backend: cpuOf(b, p.backend)}
	m.busy, m.idle = machine(b)
	m.began = time.Now()
	return m
}

func (m meter) end(b *testing.B, n, delivered int) spent {
	s := spent{n: n, delivered: delivered, took: time.Since(m.began)}
	s.main, s.backend = cpuOf(b, m.parts.main)-m.main, cpuOf(b, m.parts.backend)-m.backend
	busy, idle := machine(b)
	busy, idle = busy-m.busy, idle-m.idle
	s.busy = float64(busy) / float64(max(1, busy+idle))
	return s
}

func (p parts) measure(b *testing.B, m *memory) {
	*m = memory{main: memoryOf(b, p.main), backend: memoryOf(b, p.backend)}
}

// clockTick is the unit of times in /proc, on Linux the same everywhere.
const clockTick = 10 * time.Millisecond

// cpuOf is the processor time of a process, in user mode and in the kernel
// (proc(5)).
func cpuOf(b *testing.B, pid int) time.Duration {
	text := procFile(b, pid, "stat")
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	return time.Duration(number(b, fields[11])+number(b, fields[12])) * clockTick
}

// memoryOf is what a process holds in memory, in KiB.
func memoryOf(b *testing.B, pid int) int {
	for line := range strings.Lines(procFile(b, pid, "status")) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return int(number(b, strings.Fields(rest)[0]))
		}
	}
	b.Fatalf("/proc/%d/status has no VmRSS", pid)
	return 0
}

// machine is how long all processors together have worked and waited so far.
func machine(b *testing.B) (busy, idle int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(first)[1:9] {
		if i == 3 || i == 4 { // idle, and idle because of a disk
			idle += number(b, f)
		} else {
			busy += number(b, f)
		}
	}
	return busy, idle
}

func procFile(b *testing.B, pid int, name string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		b.Fatalf("a process that is measured has ended: %v", err)
	}
	return string(text)
}

func number(b *testing.B, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
