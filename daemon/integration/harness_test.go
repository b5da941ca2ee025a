// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// limit bounds every wait of a test.
const limit = 30 * time.Second

// programs are built once for all tests of a run.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "spectrum2-integration")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir, "spectrum.im/spectrum2/cmd/...").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := dbtest.Main(m)
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// process is a running spectrum2 with its output.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	dir     string
	file    string
	control *api.Client

	mu     sync.Mutex
	output strings.Builder
	grown  chan struct{}
	done   chan struct{}
	err    error
}

// configOf is an instance's file: what each test needs, then more lines, which
// begin in [service].
func configOf(dir, server, more string) string {
	host, port, _ := net.SplitHostPort(server)
	return fmt.Sprintf(`[service]
jid = %s
server = %s
port = %s
password = %s
backend = spectrum2_template_backend
working_dir = %s/state
pidfile =
%s
[logging]
file =
[database]
database = %s/state/database.sql
`, transport, host, port, secret, dir, more, dir)
}

// startInstance runs spectrum2 with a configuration, as a plain process.
func startInstance(t testing.TB, server, more string) *process {
	t.Helper()
	dir := t.TempDir()
	return startFile(t, dir, configOf(dir, server, more))
}

// startTemplate runs spectrum2 with lines for [template], the backend's own.
func startTemplate(t testing.TB, server, more, template string) *process {
	t.Helper()
	dir := t.TempDir()
	return startFile(t, dir, configOf(dir, server, more)+"[template]\n"+template+"\n")
}

func startFile(t testing.TB, dir, config string, args ...string) *process {
	t.Helper()
	file := filepath.Join(dir, "irc.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: dir, file: file, grown: make(chan struct{}, 1), done: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(bin, "spectrum2"), append(args, file)...)
	p.cmd.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+run)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	p.control = api.Dial(filepath.Join(run, "control.sock"))
	t.Cleanup(p.stop)
	return p
}

// Write takes the program's output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.output.Write(b)
	p.mu.Unlock()
	select {
	case p.grown <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// expectLog waits until the log holds text.
func (p *process) expectLog(text string) {
	p.t.Helper()
	end := time.After(limit)
	for !strings.Contains(p.log(), text) {
		select {
		case <-p.grown:
		case <-p.done:
			if !strings.Contains(p.log(), text) {
				p.t.Fatalf("spectrum2 ended (%v) without saying %q:\n%s", p.err, text, p.log())
			}
		case <-end:
			p.t.Fatalf("spectrum2 does not say %q:\n%s", text, p.log())
		}
	}
}

// expectStatus waits until the instance's sentence holds text.
func (p *process) expectStatus(text string) {
	p.t.Helper()
	last := ""
	p.poll("a status with "+text, func(ctx context.Context) bool {
		st, err := p.control.Status(ctx)
		if err != nil {
			last = err.Error()
			return false
		}
		last = st.Text
		return strings.Contains(st.Text, text)
	}, func() string { return last })
}

// poll asks again and again until ok, at most for limit.
func (p *process) poll(what string, ok func(context.Context) bool, last func() string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.t.Fatalf("not within %v: %s; last: %s\n%s", limit, what, last(), p.log())
		}
	}
}

// stop ends the program as systemd does, and waits for it.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.cmd.Process.Kill()
		p.t.Errorf("spectrum2 did not end at SIGTERM:\n%s", p.log())
		<-p.done
	}
	p.control.Close()
}
