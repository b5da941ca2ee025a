// SPDX-License-Identifier: GPL-2.0-or-later

package screen_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

func TestTableIsAsWideAsItsCells(t *testing.T) {
	table := &screen.Table{Head: []string{"NAME", "USERS", "WHY"}, Right: map[int]bool{1: true}}
	table.Row("ünï", "7", "")
	table.Cells(screen.Cell{Text: "a"}, screen.Cell{Text: "12345678"}, screen.Cell{Text: "b\x1b[2J\nc\u202e", Colour: screen.Red})
	var b bytes.Buffer
	if err := table.Write(&screen.Screen{Writer: &b}, true); err != nil {
		t.Fatal(err)
	}
	want := "NAME     USERS  WHY\n" +
		"ünï          7  -\n" +
		"a     12345678  b?[2J?c?\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	b.Reset()
	if err := table.Write(&screen.Screen{Writer: &b, Colours: true}, false); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "ünï") || !strings.HasSuffix(b.String(), "  \x1b[31mb?[2J?c?\x1b[0m\n") {
		t.Errorf("in colour: %q", b.String())
	}
}

func TestColourIsForTerminalsAlone(t *testing.T) {
	s := screen.New(&bytes.Buffer{}, false, func(string) string { return "" })
	if s.Colours || s.Terminal || s.Paint(screen.Red, "x") != "x" {
		t.Errorf("a buffer is a terminal: %+v", s)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "", 1: "1B", 1023: "1023B", 1536: "1.5K", 44145664: "42.1M", 3 << 40: "3.0T"} {
		if got := screen.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-1: "", 0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m 1s",
		3*time.Hour + 12*time.Minute: "3h 12m", 76 * time.Hour: "3d 4h",
	} {
		if got := screen.Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

// shown is what was written so far, for two goroutines.
type shown struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestProgressAppearsAfterASecondAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b shown
		s := &screen.Screen{Writer: &b, Terminal: true}
		stop := s.Progress("start irc")
		time.Sleep(screen.Patience - time.Millisecond)
		synctest.Wait()
		if b.String() != "" {
			t.Errorf("too early: %q", b.String())
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if !strings.Contains(b.String(), "start irc 2 s\x1b[K") {
			t.Errorf("after two seconds: %q", b.String())
		}
		stop()
		stop()
		if !strings.HasSuffix(b.String(), "\r\x1b[K") {
			t.Errorf("left behind: %q", b.String())
		}
	})
}

func TestQuickWorkShowsNoProgress(t *testing.T) {
	var b bytes.Buffer
	(&screen.Screen{Writer: &b, Terminal: true}).Progress("x")()
	(&screen.Screen{Writer: &b}).Progress("x")()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}
