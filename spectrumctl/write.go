// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"spectrum.im/spectrum2/daemon/systemd"
)

// writeConfig puts a configuration in its place, whole or not at all: 0640 for
// the service's group, or 0600 with a note why. Without force, a file that
// came there in the meantime stays.
func writeConfig(file, text string, force bool) (note string, err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // 0600
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if note, err = giveToService(f); err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if err := f.Sync(); err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if force {
		err = os.Rename(f.Name(), file)
	} else {
		err = os.Link(f.Name(), file) // never over another file
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	return note, nil
}

// giveToService makes the file the service's to read.
func giveToService(f *os.File) (note string, err error) {
	g, err := user.LookupGroup(systemd.User)
	if err != nil {
		return "there is no group " + systemd.User + ": only you can read the file; give it to whoever the transport runs as", nil
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return "", fmt.Errorf("read the gid of %s: %w", systemd.User, err)
	}
	if err := f.Chown(-1, gid); err != nil {
		return "", err
	}
	return "", f.Chmod(0o640)
}

// writeSynced writes a new file that only we can read.
func writeSynced(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceConfig puts an edited configuration in the place of the old one, with
// its owner and mode, if check has nothing against it where it lies until then.
func replaceConfig(file, text string, check func(edited string) error) error {
	before, err := os.Stat(file)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), ".new-*") // the name decides how it is read
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	edited := filepath.Join(dir, filepath.Base(file))
	if err := writeSynced(edited, text); err != nil {
		return err
	}
	if err := check(edited); err != nil {
		return err
	}
	if err := likeBefore(edited, before); err != nil {
		return err
	}
	return os.Rename(edited, file)
}

// likeBefore gives a file the owner and mode of the one that it replaces.
func likeBefore(file string, before os.FileInfo) error {
	st := before.Sys().(*syscall.Stat_t)
	if err := os.Chown(file, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return os.Chmod(file, before.Mode().Perm())
}
