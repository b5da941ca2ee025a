// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// dropIn is the file that tells systemd of an instance's secrets.
func dropIn(instance string) string {
	return "/etc/systemd/system/spectrum2@" + instance + ".service.d/50-credentials.conf"
}

const dropInHead = "# Written by spectrumctl secret.\n[Service]\n"

// loads are the credentials that systemd gives to an instance.
type loads []load

type load struct {
	name, path string
	encrypted  bool
}

func (l loads) file(name string) (path string, encrypted bool) {
	c, _ := l.of(name)
	return c.path, c.encrypted
}

func (l loads) of(name string) (load, bool) {
	for _, c := range l {
		if c.name == name {
			return c, true
		}
	}
	return load{}, false
}

// readDropIn reads all drop-ins of the instance: an administrator may have
// written one, too.
func (t *tool) readDropIn(instance string) (loads, error) {
	files, err := filepath.Glob(filepath.Join(t.path(filepath.Dir(dropIn(instance))), "*.conf"))
	if err != nil {
		return nil, err
	}
	var out loads
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		out = append(out, parseDropIn(string(b))...)
	}
	return out, nil
}

func parseDropIn(text string) (out loads) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		name, path, ok := strings.Cut(value, ":")
		if encrypted := key == "LoadCredentialEncrypted"; ok && (encrypted || key == "LoadCredential") {
			out = append(out, load{name, path, encrypted})
		}
	}
	return out
}

// writeDropIn has the drop-in name the file of one secret, or with file "" no
// longer name it.
func (t *tool) writeDropIn(instance, name, file string) error {
	path := t.path(dropIn(instance))
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	list := slices.DeleteFunc(parseDropIn(string(b)), func(l load) bool { return l.name == name })
	if file != "" {
		list = append(list, load{name, file, strings.HasSuffix(file, ".cred")})
	}
	if len(list) == 0 {
		return errors.Join(removeIfThere(path), removeEmpty(filepath.Dir(path)))
	}
	slices.SortFunc(list, func(a, b load) int { return strings.Compare(a.name, b.name) })
	var text strings.Builder
	text.WriteString(dropInHead)
	for _, l := range list {
		setting := "LoadCredential"
		if l.encrypted {
			setting = "LoadCredentialEncrypted"
		}
		fmt.Fprintf(&text, "%s=%s:%s\n", setting, l.name, l.path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeWhole(path, []byte(text.String()), 0o644)
}

// removeEmpty removes a folder if nothing is in it.
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		return nil
	}
	return os.Remove(dir)
}

// credentials are what an instance's configuration refers to, for a program
// that runs as who: in a folder of ours until done is called, as they are now.
// Whoever may not read them has systemd's, of the service's start.
func (t *tool) credentials(ctx context.Context, c *config.Config, who identity) (dir string, done func(), err error) {
	done = func() {}
	if dir = t.getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		return dir, done, nil
	}
	dir = t.path("/run/credentials/spectrum2@" + c.Instance + ".service")
	wanted, err := t.wantedLoads(c.Instance, c.File)
	if err != nil {
		return "", done, err
	}
	if len(wanted) == 0 || !t.readable(wanted) {
		return dir, done, nil
	}
	if dir, err = os.MkdirTemp(t.path("/run"), ".spectrumctl-"); err != nil {
		return "", done, err
	}
	done = func() { os.RemoveAll(dir) }
	if err := t.unpack(ctx, dir, wanted, who); err != nil {
		done()
		return "", func() {}, err
	}
	return dir, done, nil
}

func refersTo(text, credential string) bool {
	for _, v := range config.Secrets(text) {
		if v == reference+credential {
			return true
		}
	}
	return false
}

// unpack writes the secrets as the service will see them.
func (t *tool) unpack(ctx context.Context, dir string, list []load, who identity) error {
	for _, l := range list {
		b, err := t.decrypt(ctx, l)
		if err != nil {
			return fmt.Errorf("read the credential %s: %w", l.name, err)
		}
		path := filepath.Join(dir, l.name)
		if err := writePrivate(path, b); err != nil {
			return err
		}
		if err := who.own(path); err != nil {
			return err
		}
	}
	return who.own(dir)
}

func (t *tool) decrypt(ctx context.Context, l load) ([]byte, error) {
	if !l.encrypted {
		return os.ReadFile(t.path(l.path))
	}
	program, err := t.lookPath("systemd-creds")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "decrypt", "--name="+l.name, t.path(l.path), "-")
	cmd.Env = t.env
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("systemd-creds: %s", strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// own gives him a file.
func (i identity) own(path string) error {
	if i.cred == nil {
		return nil
	}
	return os.Chown(path, int(i.cred.Uid), int(i.cred.Gid))
}
