// SPDX-License-Identifier: GPL-2.0-or-later

package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/logging"
)

func start(t *testing.T, o logging.Options) *logging.Logging {
	t.Helper()
	l, err := logging.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// without is the text with its times cut off.
func without(text string) string {
	return regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\S+ `).ReplaceAllString(text, "")
}

func TestLine(t *testing.T) {
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out})
	log := l.Logger("session").With(logging.User, "a@example.org")
	log.Info("login failed", "error", errors.New("no route"), "after", 3*time.Second, "secret", config.NewSecret("Canary"), "empty", "")
	log.WithGroup("g").Warn("grouped", "k", 1, slog.Group("h", "x", "a b"))
	l.Logger("backend").Error("two\nlines \x1b[31m", "v", "a\nb")
	l.Close()
	want := `INFO  session: login failed user=a@example.org error="no route" after=3s secret=*** empty=""
WARN  session: grouped user=a@example.org g.k=1 g.h.x="a b"
ERROR backend: two\nlines \x1b[31m v="a\nb"
`
	if got := without(out.String()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLevelOfEachPart(t *testing.T) {
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, Level: "warn", Levels: map[string]string{"xmpp": "debug"}})
	xmpp, store := l.Logger("xmpp"), l.Logger("store")
	xmpp.Debug("1")
	store.Info("not")
	store.Warn("2")
	if err := l.SetLevels("error", map[string]string{"store": "info"}); err != nil {
		t.Fatal(err)
	}
	xmpp.Warn("not")
	store.Info("3")
	if err := l.SetLevels("loud", nil); err == nil || l.SetLevels("info", map[string]string{"x": "loud"}) == nil {
		t.Error("a level that does not exist")
	}
	xmpp.Warn("not")
	l.Close()
	if got, want := without(out.String()), "DEBUG xmpp: 1\nWARN  store: 2\nINFO  store: 3\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, err := logging.New(logging.Options{Level: "loud"}); err == nil {
		t.Error("New took a level that does not exist")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return without(string(b))
}

func TestLogFileIsReopenedAfterItWasRenamed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "irc.example.org", "spectrum2.log")
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, File: path})
	log := l.Logger("x")
	log.Info("first")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("second")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("third")
	other := filepath.Join(dir, "other.log")
	if err := l.SetFile(other); err != nil {
		t.Fatal(err)
	}
	log.Info("fourth")
	l.Close()
	log.Info("after Close")
	if got := read(t, path+".1"); got != "INFO  x: first\nINFO  x: second\n" {
		t.Errorf("the renamed file: %s", got)
	}
	if got := read(t, path); got != "INFO  x: third\n" {
		t.Errorf("the new file: %s", got)
	}
	if got := read(t, other); got != "INFO  x: fourth\n" {
		t.Errorf("the other file: %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody can read the log: %v, %v", info.Mode(), err)
	}
	if got := strings.Count(out.String(), "\n"); got != 4 {
		t.Errorf("%d lines beside the file", got)
	}
}

func TestFileThatCannotBeOpenedIsOneWarning(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, File: dir})
	for i := range 10 {
		l.Logger("x").Info("line", "n", i)
	}
	if err := l.Reopen(); err == nil {
		t.Error("Reopen opened a directory")
	}
	good := filepath.Join(dir, "good.log")
	if err := l.SetFile(good); err != nil {
		t.Fatal(err)
	}
	l.Logger("x").Info("line", "n", 10)
	l.Close()
	got := without(out.String())
	if n := strings.Count(got, "log file cannot be written; going on without it"); n != 1 {
		t.Errorf("%d warnings in\n%s", n, got)
	}
	if strings.Count(got, "x: line") != 11 || !strings.Contains(got, "log file is written again file="+good) {
		t.Errorf("got\n%s", got)
	}
	if got := read(t, good); got != "INFO  x: line n=10\n" {
		t.Errorf("the file: %s", got)
	}
}

func TestFullDiskIsOneWarning(t *testing.T) {
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, File: "/dev/full"})
	for range 100 {
		l.Logger("x").Info("line")
	}
	l.Close()
	got := without(out.String())
	if strings.Count(got, "cannot be written") != 1 || !strings.Contains(got, "no space left on device") || strings.Count(got, "x: line") != 100 {
		t.Errorf("got\n%s", got)
	}
}

// hung is a sink that takes nothing until it is let go.
type hung struct {
	mu  sync.Mutex
	out bytes.Buffer
	let chan struct{}
	// wrote gets something for each line.
	wrote chan struct{}
}

func (h *hung) Write(p []byte) (int, error) {
	<-h.let
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrote <- struct{}{}
	return h.out.Write(p)
}

func TestSinkThatHangsHoldsNobodyUp(t *testing.T) {
	const lines = 10000
	h := &hung{let: make(chan struct{}), wrote: make(chan struct{}, 2*lines)}
	l := start(t, logging.Options{Stderr: h})
	for i := range lines {
		l.Logger("x").Info("line", "n", i)
	}
	close(h.let)
	for range 4096 { // so that there is room again
		<-h.wrote
	}
	l.Logger("x").Info("last")
	l.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	written := strings.Count(h.out.String(), "x: line")
	var dropped int
	if _, after, ok := strings.Cut(h.out.String(), "log lines dropped"); ok {
		fmt.Sscanf(after[strings.Index(after, "lines=")+6:], "%d", &dropped)
	}
	if written+dropped != lines || dropped == 0 || !strings.Contains(h.out.String(), "x: last") {
		t.Errorf("%d written and %d dropped of %d", written, dropped, lines)
	}
}

func TestFIFOWithoutReaderHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, File: path})
	l.Logger("x").Info("line")
	l.Close()
	if !strings.Contains(out.String(), "x: line") || !strings.Contains(out.String(), "cannot be written") {
		t.Errorf("got %s", out.String())
	}
}

func TestManyLoggersAtOnce(t *testing.T) {
	var out bytes.Buffer
	l := start(t, logging.Options{Stderr: &out, File: filepath.Join(t.TempDir(), "f")})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			log := l.Logger("x").With("i", i)
			for range 100 {
				log.With("a", 1).Info("line")
				_ = l.SetLevels("info", nil)
			}
			if err := l.Reopen(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	l.Close()
	if n := strings.Count(out.String(), "x: line"); n != 800 {
		t.Errorf("%d lines", n)
	}
}
