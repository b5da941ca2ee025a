// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"
	"strings"

	"spectrum.im/spectrum2/daemon/systemd/generator"
	"spectrum.im/spectrum2/spectrumctl/screen"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// freshen has systemd run the generator again where a file changed since, so
// that a start finds the sockets and paths that the file names. Who may not
// do that is told who may: the instance then opens itself what it can.
func (t *tool) freshen(ctx context.Context) {
	stale := generator.StaleInstances(t.path(transportsDir), t.path(generator.Output))
	if len(stale) == 0 {
		return
	}
	m, err := units.Connect(ctx, t.root, t.getenv)
	if err != nil {
		return // the command itself will say so
	}
	defer m.Close()
	stop := t.err.Progress("systemd reads its units again")
	err = m.DaemonReload(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintf(t.err, "%s systemd has not seen what changed in the configuration of %s (%s): run \"sudo systemctl daemon-reload\"\n",
		t.err.Paint(screen.Yellow, "spectrumctl: warning:"), strings.Join(stale, ", "), screen.Clean(err.Error()))
}
