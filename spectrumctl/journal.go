// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// explainLines is how many lines of the journal explain a failure.
const explainLines = 6

// lastLines are the last ones of a start of the service and about it, as
// journalctl shows them to people; none where the journal cannot be read.
func (t *tool) lastLines(ctx context.Context, invocation string) []string {
	if invocation == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if sync, err := t.journalctl(ctx, "--sync"); err == nil {
		// What was just said is there then; only root may ask for it.
		_ = sync.Run()
	}
	cmd, err := t.journalctl(ctx, fmt.Sprintf("--lines=%d", explainLines), "--output=cat", "--no-pager", "--quiet",
		"_SYSTEMD_INVOCATION_ID="+invocation, "+", "INVOCATION_ID="+invocation)
	if err != nil {
		return nil
	}
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// journalctl prepares the program, found in the run's own PATH.
func (t *tool) journalctl(ctx context.Context, args ...string) (*exec.Cmd, error) {
	path, err := t.lookPath("journalctl")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = t.env
	return cmd, nil
}

// lookPath is exec.LookPath with the run's PATH.
func (t *tool) lookPath(program string) (string, error) {
	for _, dir := range filepath.SplitList(t.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if p, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", program, exec.ErrNotFound)
}
