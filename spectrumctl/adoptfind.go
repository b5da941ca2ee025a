// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// findOld looks at the whole installation.
func (t *tool) findOld(ctx context.Context) ([]*adoption, error) {
	dir := t.path(transportsDir)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []*adoption
	if a := t.oldServices(ctx); a != nil {
		all = append(all, a) // first: nobody may write while the rest is done
	}
	taken := map[string]bool{}
	for _, e := range entries {
		if stem, ok := strings.CutSuffix(e.Name(), ".cfg"); ok && config.CheckInstanceName(stem) == nil {
			taken[stem] = true
		}
	}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".cfg")
		if !ok || strings.HasPrefix(stem, ".") || !e.Type().IsRegular() {
			continue
		}
		a, err := t.findFile(ctx, filepath.Join(dir, e.Name()), taken)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// oldFile is a configuration that is being taken over.
type oldFile struct {
	path, text string
	// name is what the instance will be called.
	name string
}

func (t *tool) findFile(ctx context.Context, path string, taken map[string]bool) (*adoption, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := oldFile{path: path, text: string(b), name: strings.TrimSuffix(filepath.Base(path), ".cfg")}
	a := &adoption{What: path, Instances: []string{}, Found: []string{}, Steps: []string{}, Notes: []string{}}
	if config.CheckInstanceName(f.name) != nil {
		f.name = freeName(f.name, taken)
	}
	a.Instances = append(a.Instances, f.name)
	c, err := inspectAs(f.name, f.text)
	if err != nil {
		a.note("the configuration has mistakes, spectrumctl check %s names them; the rest can be taken over once they are mended: %v", f.name, err)
		t.planRename(a, f, f.text)
		return a, nil
	}
	t.describe(a, c)
	text := f.text
	for _, domain := range c.VHosts {
		name := freeName(domain, taken)
		a.Instances = append(a.Instances, name)
		vhost, err := config.SetValue(config.RemoveKey(f.text, "vhosts.vhost"), "service.jid", domain)
		if err != nil {
			return nil, err
		}
		a.step(func() error { return t.writeLike(t.fileOf(name), vhost, path) }, "write %s for the further domain %s", t.fileOf(name), domain)
		if v, err := inspectAs(name, vhost); err == nil {
			t.planOwner(a, v)
		}
		text = config.RemoveKey(f.text, "vhosts.vhost")
	}
	t.planOwner(a, c)
	t.planRename(a, f, text)
	t.planReadable(a, c, path)
	t.describeDatabase(ctx, a, c, f)
	t.describeAccounts(a, c)
	return a, nil
}

// freeName is a name like the old one that no other instance has.
func freeName(old string, taken map[string]bool) string {
	base := config.GoodInstanceName(old)
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base[:min(len(base), 59)], n)
	}
	taken[name] = true
	return name
}

// inspectAs reads a text as the configuration of an instance of that name.
func inspectAs(name, text string) (*config.Config, error) {
	dir, err := os.MkdirTemp("", "spectrumctl-adopt-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, name+".cfg")
	if err := writeSynced(file, text); err != nil {
		return nil, err
	}
	c, _, err := readConfig(file)
	if mistakes, ok := errors.AsType[config.Errors](err); ok {
		for n := range mistakes {
			mistakes[n].File = "" // not a name that means anything
		}
		return nil, mistakes
	}
	return c, err
}

func (t *tool) describe(a *adoption, c *config.Config) {
	mode := "gateway, component of " + c.Service.Server
	if c.Service.ServerMode {
		mode = "XMPP server"
	}
	a.found("%s: %s, backend %s", c.Service.JID, mode, c.Service.Backend)
	if u := c.Service.User; u != "" && u != systemd.User {
		a.found("ran as the user %s; the service runs as %s", u, systemd.User)
	}
	for key, file := range map[string]string{"logging.config": c.Logging.Config, "logging.backend_config": c.Logging.BackendConfig} {
		if _, err := os.Stat(t.path(file)); file != "" && err == nil {
			a.found("%s %s (log4cxx): its levels stay in force", key, file)
		} else if file != "" {
			a.note("%s names %s, which is not there", key, file)
		}
	}
	slices.Sort(a.Found[1:])
}

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
	st, err := t.databaseStatus(ctx, f)
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

// databaseStatus reads the database as root, whose it may be still.
func (t *tool) databaseStatus(ctx context.Context, f oldFile) (st databaseStatus, err error) {
	program, err := t.daemon()
	if err != nil {
		return st, err
	}
	dir, err := os.MkdirTemp("", "spectrumctl-adopt-")
	if err != nil {
		return st, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, f.name+".cfg")
	if err := writeSynced(file, f.text); err != nil {
		return st, err
	}
	cmd := exec.CommandContext(ctx, program, "db", "status", "--json", file)
	cmd.Env, cmd.Dir = t.dbEnv(t.path("/run/credentials/none")), "/"
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return st, errors.New(strings.TrimSpace(strings.ReplaceAll(string(exit.Stderr), file, f.path)))
	}
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(out, &st)
}
