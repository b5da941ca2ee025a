// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	services := t.oldServices(ctx)
	if services != nil {
		all = append(all, services) // first: nobody may write while the rest is done
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
	noteShared(all)
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
	c, err := inspectAs(f.name, f.text, path)
	if err != nil {
		a.note("the configuration has mistakes, spectrumctl check %s names them; the rest can be taken over once they are mended: %v", f.name, err)
		t.planRename(a, f, f.text)
		return a, nil
	}
	t.describe(a, c)
	a.databases = append(a.databases, databaseOf(c))
	text := f.text
	if len(c.VHosts) > 0 {
		text = config.RemoveKey(f.text, "vhosts.vhost")
	}
	for _, domain := range c.VHosts {
		if err := t.planDomain(a, f, text, freeName(domain, taken), domain); err != nil {
			return nil, err
		}
	}
	t.planOwner(a, c)
	t.planRename(a, f, text)
	t.planAccounts(a, c, f.path == t.fileOf(f.name))
	t.planReadable(a, c, path)
	t.planNamed(a, c)
	t.describeDatabase(ctx, a, c, f)
	return a, nil
}

// planDomain gives a further domain of a file a file of its own. The C++
// version ran a process of its own for it, with this text.
func (t *tool) planDomain(a *adoption, f oldFile, text, name, domain string) error {
	a.Instances = append(a.Instances, name)
	vhost, err := config.SetValue(text, "service.jid", domain)
	if err != nil {
		return err
	}
	a.step(func() error { return t.writeLike(t.fileOf(name), vhost, f.path) }, "write %s for the further domain %s", t.fileOf(name), domain)
	v, err := inspectAs(name, vhost, t.fileOf(name))
	if err != nil { // a domain that is none: spectrumctl check says so
		a.databases = append(a.databases, "")
		return nil
	}
	a.databases = append(a.databases, databaseOf(v))
	t.planOwner(a, v)
	t.planAccounts(a, v, false)
	return nil
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
// Mistakes in it are said to be in path.
func inspectAs(name, text, path string) (*config.Config, error) {
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
			mistakes[n].File = path
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
	if f := c.Logging.File; f != "" {
		if old, _ := filepath.Glob(t.path(filepath.Dir(f)) + "/*"); len(old) > 0 {
			a.found("logs: %s, files: %d", filepath.Dir(f), len(old))
		}
	}
}
