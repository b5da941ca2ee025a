// SPDX-License-Identifier: GPL-2.0-or-later

package generator

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// own are the directories that the unit makes writable itself.
var own = []string{"/var/lib/spectrum2", "/var/log/spectrum2", systemd.RunDir}

// whole are directories that may hold the instance's own ones but are not its
// to write as a whole.
var whole = []string{
	"/", "/home", "/media", "/mnt", "/opt", "/run", "/srv", "/var", "/var/cache", "/var/lib", "/var/log",
	"/var/mail", "/var/spool", "/var/local", "/var/www",
}

// system are directories below which nothing is given away.
var system = []string{
	"/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/lost+found", "/proc", "/sbin",
	"/sys", "/usr", "/run/dbus", "/run/lock", "/run/systemd", "/run/udev", "/var/backups", "/var/lib/apt",
	"/var/lib/dbus", "/var/lib/dpkg", "/var/lib/polkit-1", "/var/lib/private", "/var/lib/systemd", "/var/log/journal",
	"/var/log/private", "/var/spool/cron",
}

// hidden are directories that the sandbox replaces, so that no ReadWritePaths=
// reaches below them.
var hidden = []string{"/home", "/root", "/run/user", "/tmp", "/var/tmp"}

// wanted is a directory that the configuration wants to write to, or a file
// that it wants to read.
type wanted struct{ key, dir string }

// writablePaths are the directories for ReadWritePaths=, sorted, each once.
func writablePaths(c *config.Config) (paths, warnings []string) {
	for _, w := range wants(c) {
		dir := filepath.Clean(w.dir)
		if rest, ok := strings.CutPrefix(dir, "/var/run/"); ok {
			dir = "/run/" + rest
		}
		if below(dir, own) {
			continue
		}
		if why := unfit(dir); why != "" {
			warnings = append(warnings, fmt.Sprintf("%s: %s: %s %s; the service cannot write there", c.File, w.key, dir, why))
			continue
		}
		paths = append(paths, dir)
	}
	slices.Sort(paths)
	return slices.Compact(paths), warnings
}

// wants lists what is written under this configuration. Relative paths are in
// the working directory.
func wants(c *config.Config) []wanted {
	list := []wanted{{"service.working_dir", c.Service.WorkingDir}}
	file := func(key, path string) {
		if path != "" {
			list = append(list, wanted{key, filepath.Dir(path)})
		}
	}
	file("logging.file", c.Logging.File)
	file("service.pidfile", c.Service.PIDFile)
	file("service.portfile", c.Service.PortFile)
	if c.Database.Type == "sqlite3" {
		file("database.database", c.Database.Database)
	}
	list = append(list, wanted{"service.web_directory", c.Service.WebDirectory})
	if strings.Contains(filepath.Base(c.Service.Backend), "sms") {
		list = append(list, wanted{"backend.incoming_dir", c.Backend.IncomingDir})
	}
	return slices.DeleteFunc(list, func(w wanted) bool { return !filepath.IsAbs(w.dir) })
}

// unfit says why a directory is not given to the service, "" when it is.
func unfit(dir string) string {
	switch {
	case strings.ContainsFunc(dir, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has a control character in its name"
	case slices.Contains(whole, dir), below(dir, system):
		return "is a system directory"
	case below(dir, hidden):
		return "is hidden from services"
	}
	return ""
}

// hiddenFiles warns of certificates where the service cannot see them. All
// other places it can, as far as their permissions go.
func hiddenFiles(c *config.Config) (warnings []string) {
	if !c.Service.ServerMode {
		return nil
	}
	for _, f := range []wanted{{"service.cert", c.Service.Cert}, {"service.key", c.Service.Key}} {
		if below(filepath.Clean(f.dir), hidden) {
			warnings = append(warnings, fmt.Sprintf("%s: %s: %s is hidden from services; \"spectrumctl cert import\" copies it to where the service can read it",
				c.File, f.key, f.dir))
		}
	}
	return warnings
}

// below reports whether dir is one of parents or inside one.
func below(dir string, parents []string) bool {
	return slices.ContainsFunc(parents, func(p string) bool {
		return dir == p || strings.HasPrefix(dir, p+"/")
	})
}
