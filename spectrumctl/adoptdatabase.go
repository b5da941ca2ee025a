// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// describeDatabase asks spectrum2, which knows databases.
func (t *tool) describeDatabase(ctx context.Context, a *adoption, c *config.Config, f oldFile) {
	d := c.Database
	where := d.Database
	if d.Type != "sqlite3" && d.Type != "none" {
		where += " on " + d.Server
	}
	if d.Type == "none" {
		return
	}
	st, err := t.databaseStatus(ctx, c, f)
	if err != nil {
		a.found("database: %s, %s", d.Type, where)
		a.note("the database could not be looked at: %v", err)
		return
	}
	a.found("database: %s, %s: %d users; passwords: %d readable, %d obscured by the C++ version, %d encrypted",
		d.Type, where, st.Users, st.Passwords.Plain, st.Passwords.Scrambled, st.Passwords.Sealed+st.Passwords.Older)
	if len(st.Pending) > 0 && st.Users > 0 {
		a.found("the first start adds tables to it, after a copy where it is SQLite; the C++ version can still use it")
	}
	if st.Passwords.Plain+st.Passwords.Scrambled > 0 {
		a.note("later, when you will not go back: spectrumctl secret set %s database.encryption_key, then spectrumctl db seal %s", f.name, f.name)
	}
}

// databaseStatus is what `spectrum2 db status --json` prints.
type databaseStatus struct {
	Users     int
	Pending   []struct{ Name string }
	Passwords struct{ Sealed, Older, Scrambled, Plain int }
}

// databaseStatus reads a file as root, whose it may be still, and a server as
// the service's user, whom it may know by that alone.
func (t *tool) databaseStatus(ctx context.Context, c *config.Config, f oldFile) (st databaseStatus, err error) {
	program, err := t.daemon()
	if err != nil {
		return st, err
	}
	var who identity
	place := "" // root's own
	if c.Database.Type != "sqlite3" {
		if who, err = serviceUser(t.path(c.Service.WorkingDir)); err != nil {
			return st, err
		}
	}
	if who.cred != nil {
		place = t.path("/run")
	}
	dir, err := os.MkdirTemp(place, ".spectrumctl-")
	if err != nil {
		return st, err
	}
	defer os.RemoveAll(dir)
	read := *c
	read.File = filepath.Join(dir, f.name+".cfg")
	if err := writeSynced(read.File, f.text); err != nil {
		return st, err
	}
	cmd := exec.CommandContext(ctx, program, "db", "status", "--json", read.File)
	cmd.Env, cmd.Dir = t.dbEnv(t.path("/run/credentials/none")), "/"
	if c.Database.Type != "sqlite3" {
		done, err := t.asService(ctx, cmd, &read, who)
		if err != nil {
			return st, err
		}
		defer done()
	}
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		said := strings.ReplaceAll(string(exit.Stderr), read.File, f.path)
		if _, reason, ok := cutReason(said); ok {
			said = reason
		}
		return st, errors.New(strings.TrimSpace(said))
	}
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(out, &st)
}

// asService has cmd run as the service's user, who gets the configuration and
// its directory.
func (t *tool) asService(ctx context.Context, cmd *exec.Cmd, c *config.Config, who identity) (done func(), err error) {
	credentials, done, err := t.credentials(ctx, c, who)
	if err != nil || who.cred == nil {
		return done, err
	}
	cmd.Env = t.dbEnv(credentials)
	who.apply(cmd)
	for _, path := range []string{c.File, filepath.Dir(c.File)} {
		if err := os.Chown(path, int(who.cred.Uid), int(who.cred.Gid)); err != nil {
			done()
			return nil, err
		}
	}
	return done, nil
}
