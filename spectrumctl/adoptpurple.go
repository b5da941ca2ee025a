// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"encoding/xml"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// purpleAccounts is what libpurple keeps in accounts.xml.
type purpleAccounts struct {
	Accounts []struct {
		Protocol string  `xml:"protocol"`
		Password *string `xml:"password"`
		Settings []struct {
			Setting []struct {
				Name string `xml:"name,attr"`
			} `xml:"setting"`
		} `xml:"settings"`
	} `xml:"account"`
}

// describeAccounts says what is in libpurple's files, which stay where they
// are: its backend goes on with them.
func (t *tool) describeAccounts(a *adoption, c *config.Config) {
	root := t.path(c.Service.WorkingDir)
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if deep := strings.Count(strings.TrimPrefix(path, root), "/"); e.IsDir() && deep > 3 {
			return fs.SkipDir
		}
		if e.Name() == "accounts.xml" && e.Type().IsRegular() {
			t.describeAccountsFile(a, path)
		}
		return nil
	})
}

func (t *tool) describeAccountsFile(a *adoption, path string) {
	b, err := os.ReadFile(path)
	var p purpleAccounts
	if err == nil {
		err = xml.Unmarshal(b, &p)
	}
	if err != nil {
		a.note("%s cannot be read: %v", path, err)
		return
	}
	protocols, settings, passwords := map[string]bool{}, map[string]bool{}, 0
	for _, account := range p.Accounts {
		protocols[account.Protocol] = true
		if account.Password != nil {
			passwords++
		}
		for _, s := range account.Settings {
			for _, one := range s.Setting {
				settings[one.Name] = true
			}
		}
	}
	a.found("%s (libpurple): accounts: %d, of %s, with the settings %s; it stays for the libpurple backend",
		path, len(p.Accounts), words(protocols), words(settings))
	if passwords > 0 {
		a.note("readable passwords in %s: %d", path, passwords)
	}
}

// words lists what is in a set.
func words(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
