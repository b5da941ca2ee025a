// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// starters are the files that start the C++ version.
var starters = []string{"/etc/systemd/system/spectrum2.service", "/usr/lib/systemd/system/spectrum2.service", "/lib/systemd/system/spectrum2.service", "/etc/init.d/spectrum2"}

// idle are files of the C++ version that have no effect any more.
var idle = map[string]string{
	"/etc/spectrum2/spectrum_manager.cfg": "spectrum2_manager is not needed any more, spectrumctl and systemd do its work",
	"/var/lib/spectrum2_manager":          "it was spectrum2_manager's, and may be removed",
	"/etc/default/spectrum2":              "the old init script's settings",
}

// oldServices are what started the C++ version.
func (t *tool) oldServices(ctx context.Context) *adoption {
	a := &adoption{What: "the C++ version's services", Instances: []string{}, Found: []string{}, Steps: []string{}, Notes: []string{}}
	for _, path := range starters {
		info, err := os.Lstat(t.path(path))
		if err != nil || info.Mode()&fs.ModeSymlink != 0 { // a masked one is a link
			continue
		}
		a.found("%s", path)
	}
	if len(a.Found) > 0 {
		t.planServices(ctx, a)
	}
	t.planEnd(ctx, a)
	for path, why := range idle {
		if _, err := os.Stat(t.path(path)); err == nil {
			a.found("%s: %s", path, why)
		}
	}
	slices.Sort(a.Found)
	t.planLogrotate(a)
	if len(a.Found)+len(a.Notes) == 0 {
		return nil
	}
	return a
}

// planServices stops the old service for good, unless that was done.
func (t *tool) planServices(ctx context.Context, a *adoption) {
	systemctl, err := t.lookPath("systemctl")
	if err != nil {
		a.note("%v: stop the C++ version, and see that nothing starts it", err)
		return
	}
	if link, err := os.Readlink(t.path("/etc/systemd/system/spectrum2.service")); err == nil && link == "/dev/null" {
		return
	}
	run := func(args ...string) error {
		cmd := exec.CommandContext(ctx, systemctl, args...)
		cmd.Env = t.env
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
		}
		return nil
	}
	disable := []string{"disable", "--now", "spectrum2.service"}
	if _, err := os.Stat(t.path("/run/systemd/system")); err != nil { // nothing runs in a system that is not booted
		disable = []string{"disable", "spectrum2.service"}
	}
	a.step(func() error {
		if err := run(disable...); err != nil {
			return err
		}
		own := t.path("/etc/systemd/system/spectrum2.service") // would be in mask's way
		if info, err := os.Lstat(own); err == nil && info.Mode().IsRegular() {
			if err := keepAs(own, own+oldSuffix, os.Rename); err != nil {
				return err
			}
		}
		return run("mask", "spectrum2.service")
	}, "stop spectrum2.service, the C++ version's, and keep it from being started (systemctl %s, mask)", strings.Join(disable[:len(disable)-1], " "))
}

// planLogrotate sees that no log is rotated twice: logrotate would then rotate
// none of them.
func (t *tool) planLogrotate(a *adoption) {
	const ours = "/etc/logrotate.d/spectrum2"
	all, _ := filepath.Glob(t.path("/etc/logrotate.d") + "/*")
	for _, path := range all {
		b, err := os.ReadFile(path)
		text := string(b)
		switch {
		case err != nil || !strings.Contains(text, "/var/log/spectrum2/") || strings.HasSuffix(path, ".disabled"):
		case path != t.path(ours):
			a.found("%s rotates the same logs as %s", path, ours)
			a.step(func() error { return keepAs(path, path+".disabled", os.Rename) }, "keep %s as %s, which logrotate leaves aside", path, filepath.Base(path)+".disabled")
		case !strings.Contains(text, "spectrum2@"):
			a.note("%s is the old one, and the service would go on in the file that was rotated: put the package's in its place (spectrum2.dpkg-dist beside it), or have it run: systemctl kill --kill-whom=main --signal=HUP 'spectrum2@*.service'", path)
		}
	}
}
