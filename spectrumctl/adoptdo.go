// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// oldSuffix is what the originals get.
const oldSuffix = ".cxx"

// planRename gives a file its new name and text; the original stays.
func (t *tool) planRename(a *adoption, f oldFile, text string) {
	to := t.fileOf(f.name)
	switch {
	case to != f.path:
		a.step(func() error {
			if err := t.writeLike(to, text, f.path); err != nil {
				return err
			}
			return keepAs(f.path, f.path+oldSuffix, os.Rename)
		}, "call it %s: write %s and keep %s as %s", f.name, to, f.path, filepath.Base(f.path)+oldSuffix)
	case text != f.text:
		a.step(func() error {
			if err := keepOnce(f.path); err != nil {
				return err
			}
			before, err := os.Stat(f.path)
			if err != nil {
				return err
			}
			return replaceLike(f.path, text, before)
		}, "take the further domains out of %s and keep the original as %s", f.path, filepath.Base(f.path)+oldSuffix)
	}
}

// planReadable has the service read a configuration, which may hold secrets and
// be its old user's alone.
func (t *tool) planReadable(a *adoption, c *config.Config, path string) {
	who, err := serviceUser(t.path(c.Service.WorkingDir))
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || who.cred == nil {
		return // said already
	}
	st := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	if mode&0o004 != 0 || mode&0o040 != 0 && st.Gid == who.cred.Gid || st.Uid == who.cred.Uid && mode&0o400 != 0 {
		return
	}
	gid := int(who.cred.Gid)
	a.step(func() error { // whatever the steps before made of it
		var errs []error
		for _, name := range a.Instances {
			errs = append(errs, os.Chown(t.fileOf(name), 0, gid), os.Chmod(t.fileOf(name), 0o640))
		}
		return errors.Join(errs...)
	}, "let the service read it (0640 root:%s)", systemd.User)
}

// planNamed has the service read the files that a configuration names, which
// may be their old user's alone.
func (t *tool) planNamed(a *adoption, c *config.Config) {
	who, err := serviceUser(t.path(c.Service.WorkingDir))
	if err != nil || who.cred == nil {
		return // said already
	}
	uid, gid := strconv.Itoa(int(who.cred.Uid)), int(who.cred.Gid)
	for _, file := range []string{c.Logging.Config, c.Logging.BackendConfig, c.Service.Cert, c.Service.Key, c.Backend.DefaultAvatar} {
		path := t.path(file)
		if info, err := os.Stat(path); file == "" || err != nil || !info.Mode().IsRegular() || refuses(path, 4, uid, []string{strconv.Itoa(gid)}) == "" {
			continue
		}
		a.step(func() error { return errors.Join(os.Chown(path, -1, gid), os.Chmod(path, 0o640)) }, "let the service read %s (0640, group %s)", path, systemd.User)
	}
}

// keepAs keeps a file under another name, unless an earlier run did.
func keepAs(path, as string, by func(string, string) error) error {
	if _, err := os.Lstat(as); err == nil {
		return fmt.Errorf("%s exists already", as)
	}
	return by(path, as)
}

// keepOnce keeps a file under another name beside itself; one that was killed
// then left both names.
func keepOnce(path string) error {
	old, err := os.Lstat(path + oldSuffix)
	if err != nil {
		return os.Link(path, path+oldSuffix)
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(old, now) {
		return errors.Join(err, fmt.Errorf("%s exists already", path+oldSuffix))
	}
	return nil
}

// writeLike writes a new file with the owner and mode of another; one that is
// there with this text is as good.
func (t *tool) writeLike(path, text, like string) error {
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	} else if err == nil {
		return fmt.Errorf("%s exists already", path)
	}
	before, err := os.Stat(like)
	if err != nil {
		return err
	}
	return replaceLike(path, text, before)
}

func replaceLike(path, text string, like os.FileInfo) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, filepath.Base(path))
	if err := writeSynced(fresh, text); err != nil {
		return err
	}
	if err := likeBefore(fresh, like); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// planOwner gives the service's user what the instance writes.
func (t *tool) planOwner(a *adoption, c *config.Config) {
	places := []string{c.Service.WorkingDir}
	if c.Database.Type == "sqlite3" && !strings.HasPrefix(c.Database.Database, c.Service.WorkingDir+"/") {
		places = append(places, c.Database.Database)
	}
	if c.Logging.File != "" {
		places = append(places, filepath.Dir(c.Logging.File))
	}
	places = slices.DeleteFunc(places, func(p string) bool { _, err := os.Lstat(t.path(p)); return err != nil })
	if len(places) == 0 {
		return
	}
	who, err := serviceUser(t.path(c.Service.WorkingDir))
	if err != nil {
		a.note("%v", err)
		return
	}
	for _, p := range places {
		path := t.path(p)
		n, err := foreign(path, who, false)
		switch {
		case err != nil:
			a.note("%v", err)
		case n > 0:
			a.step(func() error { _, err := foreign(path, who, true); return err }, "give %s to the user %s", p, systemd.User)
		}
		if !writable(p) {
			a.note("the service may not write to %s: move it below /var/lib/spectrum2, or allow it (systemctl edit spectrum2@%s, ReadWritePaths=%s)", p, c.Instance, p)
		}
	}
}

// writable are the places that the unit gives to the service.
func writable(path string) bool {
	for _, dir := range []string{"/var/lib/spectrum2/", "/var/log/spectrum2/"} {
		if strings.HasPrefix(path+"/", dir) {
			return true
		}
	}
	return false
}

// foreign counts what below path belongs to somebody else, and with give gives
// it to the service's user. Links are given away themselves, never followed.
func foreign(path string, who identity, give bool) (n int, err error) {
	if who.cred == nil {
		return 0, nil // nobody but root can, and nobody but he needs to
	}
	err = filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if st.Uid == who.cred.Uid && st.Gid == who.cred.Gid {
			return nil
		}
		n++
		if !give {
			return nil
		}
		if info.Mode().IsRegular() && st.Nlink > 1 {
			return fmt.Errorf("%s has a second name somewhere: look why, and remove one of them", p)
		}
		return os.Lchown(p, int(who.cred.Uid), int(who.cred.Gid))
	})
	return n, err
}
