// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/supervisor"
	"spectrum.im/spectrum2/daemon/systemd"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestBackendThatCannotStartIsExplained(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backend")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, backend, want string }{
		{"missing", "/nowhere/spectrum2_x_backend", "/nowhere/spectrum2_x_backend does not exist (service.backend)"},
		{"missing bare name", "no_such_backend", "there is no backend no_such_backend in "},
		{"not executable", file, "is not executable"},
		{"directory", "/tmp", "/tmp is not a file"},
		{"quote", "'x", "a quote is not closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "", func(c *config.Config, _ *supervisor.Options, times *supervisor.Times) {
				c.Service.Backend = tt.backend
				times.Retry = time.Minute
			})
			w.logged("backend did not start", strings.ReplaceAll(tt.want, `"`, `\"`))
			_, err := w.m.Acquire(t.Context(), "romeo@example.org", newUser(t, ""))
			var start *supervisor.StartError
			if !errors.As(err, &start) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Acquire: %v", err)
			}
			if strings.Contains(start.Text, tt.backend) || !strings.HasSuffix(start.Text, ".") {
				t.Errorf("the user is told %q", start.Text)
			}
			if p := w.m.Problem(); !strings.Contains(p, tt.want) {
				t.Errorf("problem is %q", p)
			}
		})
	}
}

func TestBackendThatEndsAtOnceIsQuoted(t *testing.T) {
	w := newWorld(t, "exit")
	// The first failures are kept from those who wait, not the third.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := w.m.Acquire(ctx, "romeo@example.org", newUser(t, ""))
	var start *supervisor.StartError
	if !errors.As(err, &start) {
		t.Fatalf("Acquire: %v", err)
	}
	for _, part := range []string{"exit status 3", `"the library libfoo is missing"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
	w.logged("level=INFO msg=starting", "backend=1")
	w.logged("level=ERROR", "the library libfoo is missing", "backend=1")
	w.logged("backend did not start", "backend=3")
}

func TestRepairedBackendStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend")
	w := newWorld(t, "", func(c *config.Config, _ *supervisor.Options, _ *supervisor.Times) {
		c.Service.Backend = path + " backend:v1"
	})
	w.logged("backend did not start", "does not exist")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	w.ready()
	w.talk(w.acquire("romeo@example.org"))
	if p := w.m.Problem(); p != "" {
		t.Errorf("problem is still %q", p)
	}
}

func TestArgumentsAreVersion1sWithoutSecrets(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	w := newWorld(t, "arguments", func(c *config.Config, o *supervisor.Options, _ *supervisor.Times) {
		c.Service.Password = config.NewSecret("hunter2")
		o.Args = []string{"--service.password=hunter2", "--irc.server=x", "--database.password=p", "--custom.api_token=t", "-v", "--log", "--service.backend_id=9"}
	})
	line := w.logged("arguments", "--host")
	got := strings.Split(line[strings.Index(line, "--host"):strings.LastIndex(line, `"`)], "|")
	want := []string{
		"--host", "127.0.0.1", "--port", "0", "--service.backend_id=1",
		"--service.backend_socket=" + filepath.Join(w.dir, "backend.sock"), "--service.backend_token_fd=3",
		"--irc.server=x",
	}
	if len(got) != len(want)+1 || strings.Join(got[:len(want)], " ") != strings.Join(want, " ") {
		t.Fatalf("arguments are %q", got)
	}
	file := got[len(want)]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "test.example.org") {
		t.Errorf("the copy of the configuration is %s", text)
	}
	for _, path := range []string{file, filepath.Join(w.dir, "backend.key"), filepath.Join(w.dir, "backend.sock")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if filepath.Base(file) != "test.cfg" {
		t.Errorf("the copy is called %s", file)
	}
	if strings.Contains(w.logged("environment", "PATH="), "NOTIFY_SOCKET") {
		t.Error("NOTIFY_SOCKET is handed on")
	}
}

func TestNumbersAndKeyOutliveTheManager(t *testing.T) {
	w := newWorld(t, "echo")
	w.ready()
	key, err := os.ReadFile(filepath.Join(w.dir, "backend.key"))
	if err != nil {
		t.Fatal(err)
	}
	w.m.Stop(t.Context(), false)
	next := newWorld(t, "echo", func(_ *config.Config, o *supervisor.Options, _ *supervisor.Times) { o.RuntimeDir = w.dir })
	if u := next.acquire("romeo@example.org"); u.link.Backend() != 2 {
		t.Errorf("the next backend is %d", u.link.Backend())
	}
	if again, err := os.ReadFile(filepath.Join(w.dir, "backend.key")); err != nil || string(again) != string(key) {
		t.Errorf("the key changed: %v", err)
	}
}

func TestStubWrapsTheCommand(t *testing.T) {
	specs := make(chan systemd.StubSpec, 10)
	w := newWorld(t, "echo", func(c *config.Config, o *supervisor.Options, _ *supervisor.Times) {
		c.Scope.MemoryMax = "200M"
		o.Stub = func(spec systemd.StubSpec, argv []string) []string {
			specs <- spec
			return append([]string{"/usr/bin/env", "--"}, argv...) // executes, like the stub
		}
	})
	w.talk(w.acquire("romeo@example.org"))
	spec := <-specs
	if spec.Instance != "test" || spec.Number != 1 || !spec.Scope || spec.Limits["memory_max"] != "200M" {
		t.Errorf("spec is %+v", spec)
	}
	if l := spec.Landlock; l == nil || l.Socket != filepath.Join(w.dir, "backend.sock") || l.RW[0] != filepath.Join(w.dir, "backend") {
		t.Errorf("landlock is %+v", l)
	}
}
