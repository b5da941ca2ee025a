// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldProcess is a process of the C++ version.
type oldProcess struct {
	pid  int
	name string
	file string
}

// oldProcesses are its main processes, which its manager or somebody else
// started with a configuration of this system. Its backends end with them.
func (t *tool) oldProcesses() (all []oldProcess) {
	dirs, _ := filepath.Glob(t.path("/proc") + "/[0-9]*")
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
		if err != nil || len(args) < 2 || args[1] == "db" { // db is the tool's
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		p := oldProcess{pid: pid, name: filepath.Base(args[0])}
		for _, arg := range args[1:] {
			if strings.HasSuffix(arg, ".cfg") && filepath.Dir(arg) == t.path(transportsDir) {
				p.file = arg
			}
		}
		if p.name == "spectrum2" && p.file != "" && !elsewhere(dir) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b oldProcess) int { return a.pid - b.pid })
	return all
}

// elsewhere reports whether systemd started the process for an instance, or it
// runs in a container.
func elsewhere(dir string) bool {
	if root, err := os.Readlink(filepath.Join(dir, "root")); err == nil && root != "/" {
		return true
	}
	b, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	return err == nil && strings.Contains(string(b), "/spectrum2@")
}

// endTime is how long the old service may take to be gone after its stop.
const endTime = 3 * time.Second

// planEnd has the rest wait for the end of every old process: two of them at
// one database would destroy what the other writes.
func (t *tool) planEnd(ctx context.Context, a *adoption) {
	running := t.oldProcesses()
	if len(running) == 0 {
		return
	}
	for _, p := range running {
		a.found("running: process %d with %s", p.pid, p.file)
	}
	a.step(func() error { return t.awaitEnd(ctx) }, "see that none of its processes is left")
}

// awaitEnd refuses to go on while one is there.
func (t *tool) awaitEnd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		left := t.oldProcesses()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			var pids []string
			for _, p := range left {
				pids = append(pids, strconv.Itoa(p.pid))
			}
			return fmt.Errorf("the C++ version still runs: stop it as it was started, or with: kill %s", strings.Join(pids, " "))
		}
	}
}
