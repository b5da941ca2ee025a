// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"spectrum.im/spectrum2/daemon/config"
)

// dbConfig reads the configuration of an instance whose database the caller
// wants to work on. Who may neither become the service's user nor is the owner
// of its directory is refused before anything is asked or done.
func (t *tool) dbConfig(file string) (*config.Config, error) {
	cfg, _, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		return cfg, nil
	}
	dir := t.path(cfg.Service.WorkingDir)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("open %s: %w", dir, fs.ErrPermission)
	}
	if err != nil {
		return cfg, nil // it was never started: spectrum2 says what is missing
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
		return nil, fmt.Errorf("work as %s, whose directory %s is: %w", nameOf(uid), dir, fs.ErrPermission)
	}
	return cfg, nil
}

func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// runDaemon runs spectrum2, passes its warnings on, and returns what it ended
// with in its own words.
func (t *tool) runDaemon(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	exit, failed := errors.AsType[*exec.ExitError](err)
	text := said.String()
	if !failed {
		fmt.Fprint(t.err, text)
		return err
	}
	rest, reason, ok := cutReason(text)
	fmt.Fprint(t.err, rest)
	if !ok {
		return fmt.Errorf("spectrum2 ended with %w", exit)
	}
	return errors.New(reason)
}

// cutReason takes the error, with which spectrum2 ends, out of what it said.
func cutReason(text string) (rest, reason string, ok bool) {
	const name = "spectrum2: "
	at := strings.LastIndex("\n"+text, "\n"+name)
	if at < 0 {
		return text, "", false
	}
	return text[:at], strings.TrimSpace(text[at+len(name):]), true
}
