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

// purpleFile is an accounts.xml of libpurple.
type purpleFile struct {
	Accounts []purpleAccount `xml:"account"`
}

// purpleAccount is one user's account on a network, as it was when libpurple
// wrote the file: Spectrum takes accounts out of it when their users log out.
type purpleAccount struct {
	Protocol string  `xml:"protocol"`
	Name     string  `xml:"name"`
	Password *string `xml:"password"`
	// Settings of the protocol, and of each program that used the account (UI).
	Settings []struct {
		UI      string          `xml:"ui,attr"`
		Setting []purpleSetting `xml:"setting"`
	} `xml:"settings"`
	Proxy struct {
		Type string `xml:"type"`
	} `xml:"proxy"`
}

type purpleSetting struct {
	Name  string `xml:"name,attr"`
	Value string `xml:",chardata"`
}

// options are the settings that mean something to the protocol.
func (p *purpleAccount) options() map[string]string {
	all := map[string]string{}
	for _, s := range p.Settings {
		if s.UI != "" {
			continue // whether a program signs on by itself
		}
		for _, one := range s.Setting {
			all[one.Name] = strings.TrimSpace(one.Value)
		}
	}
	switch p.Proxy.Type {
	case "", "global", "none", "envvar", "-1", "0", "4":
	default:
		all[proxyOption] = p.Proxy.Type
	}
	return all
}

// purpleAccounts reads every accounts.xml below the instance's directory.
func (t *tool) purpleAccounts(a *adoption, c *config.Config) []purpleAccount {
	var all []purpleAccount
	root := t.path(c.Service.WorkingDir)
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if deep := strings.Count(strings.TrimPrefix(path, root), "/"); e.IsDir() && deep > 3 {
			return fs.SkipDir
		}
		if e.Name() == "accounts.xml" && e.Type().IsRegular() {
			all = append(all, readAccounts(a, path)...)
		}
		return nil
	})
	return all
}

// readAccounts says what is in one file.
func readAccounts(a *adoption, path string) []purpleAccount {
	b, err := os.ReadFile(path)
	var p purpleFile
	if err == nil {
		err = xml.Unmarshal(b, &p)
	}
	if err != nil {
		a.note("%s cannot be read: %v", path, err)
		return nil
	}
	protocols, settings, passwords := map[string]bool{}, map[string]bool{}, 0
	for i := range p.Accounts {
		account := &p.Accounts[i]
		protocols[account.Protocol] = true
		if account.Password != nil {
			passwords++
		}
		for name := range account.options() {
			settings[name] = true
		}
	}
	a.found("%s (libpurple): accounts: %d, of %s, with the settings %s", path, len(p.Accounts), words(protocols), words(settings))
	if passwords > 0 {
		a.note("readable passwords in %s: %d; the users' own are in the database", path, passwords)
	}
	return p.Accounts
}

// words lists what is in a set.
func words(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}
