// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/supervisor"
)

func TestBackendInAnotherLanguage(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("this test needs python3: %v", err)
	}
	script, err := filepath.Abs("testdata/version1.py")
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]string{
		"executable":  script,
		"interpreter": python + ` "` + script + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "v1", func(c cfgT, o optT, times timesT) {
				c.Service.Backend = command
				times.Ping = 5 * time.Second // python takes its time to start
				o.Args = []string{"--irc.nick=x"}
			})
			u := w.acquire("romeo@example.org")
			w.talk(u)
			if f := u.link.Features(); !f.MUC || u.link.Level() != 0 {
				t.Errorf("features are %+v, level is %d", f, u.link.Level())
			}
			w.m.Stop(t.Context(), false)
			w.logged("backend ended", "is stopped")
		})
	}
}

func TestServiceBackendIsSplitLikeACommandLine(t *testing.T) {
	for in, want := range map[string][]string{
		``:                         nil,
		`/bin/x`:                   {"/bin/x"},
		` a  b	c `:                 {"a", "b", "c"},
		`"a b" 'c "d' e\ f ""`:     {"a b", `c "d`, "e f", ""},
		`python3 "/opt/it's/x.py"`: {"python3", "/opt/it's/x.py"},
	} {
		if got, err := supervisor.SplitWords(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is split into %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`"a`, `'`, `a\`} {
		if _, err := supervisor.SplitWords(in); err == nil {
			t.Errorf("%q is split", in)
		}
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{`a "b c" 'd' \e`, `"`, "\\", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := supervisor.SplitWords(s)
		if err != nil {
			return
		}
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, `'`+strings.ReplaceAll(w, `'`, `'\''`)+`'`)
		}
		again, err := supervisor.SplitWords(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q gives %q, quoted again %q, %v", s, words, again, err)
		}
	})
}
