// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// planAccounts takes over what libpurple's files say and the configuration
// does not, where the backend is one of this version. A backend that is
// libpurple goes on with the files, which stay where they are. keep: the
// instance's file is one of the old installation.
func (t *tool) planAccounts(a *adoption, c *config.Config, keep bool) {
	all := t.purpleAccounts(a, c)
	if len(all) == 0 {
		return
	}
	net := network(c)
	if net == "" {
		a.found("accounts.xml stays in force for %s, which reads it", filepath.Base(c.Service.Program()))
		return
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(p purpleAccount) bool { return !slices.Contains(protocols[net], p.Protocol) })
	if n := len(all) - len(mine); n > 0 {
		a.note("accounts.xml has accounts of other networks than %s's, with what they need to log in: %d; it stays for their instances", filepath.Base(c.Service.Program()), n)
	}
	options := gatherOptions(net, mine)
	values := map[string]string{}
	for _, full := range slices.Sorted(maps.Keys(options)) {
		if value := options[full].decide(a, c, full); value != "" {
			values[full] = value
		}
	}
	if len(values) > 0 {
		var list []string
		for _, full := range slices.Sorted(maps.Keys(values)) {
			list = append(list, fmt.Sprintf("%s = %s", full, values[full]))
		}
		a.step(func() error { return t.addValues(c.Instance, values, keep) }, "take over from accounts.xml into %s: %s", t.fileOf(c.Instance), strings.Join(list, ", "))
	}
}

// gathered is one option with the values that accounts have.
type gathered struct {
	fate
	option string
	// accounts by value; without the option, by the usual one.
	accounts map[string][]string
}

// gatherOptions collects by the full name of the key, or by the option's where
// it has no key.
func gatherOptions(net string, accounts []purpleAccount) map[string]*gathered {
	all := map[string]*gathered{}
	seen := map[string]bool{}
	for i := range accounts {
		for option := range accounts[i].options() {
			seen[option] = true
		}
	}
	for i := range accounts {
		has := accounts[i].options()
		for option := range seen {
			f := fateOf(net, option)
			full := option
			if f.key != "" {
				full = f.key
				if net == "irc" {
					full = "irc." + serverOf(accounts[i].Name) + "." + f.key
				}
			}
			value, there := has[option]
			if !there {
				value = f.usual
			}
			if value == "" {
				continue
			}
			if all[full] == nil {
				all[full] = &gathered{fate: f, option: option, accounts: map[string][]string{}}
			}
			all[full].accounts[value] = append(all[full].accounts[value], accounts[i].Name)
		}
	}
	return all
}

// serverOf is the server in libpurple's name of an IRC account.
func serverOf(account string) string {
	_, host, found := strings.Cut(account, "@")
	if !found {
		return "irc.libera.chat" // libpurple's default
	}
	return strings.ToLower(host)
}

// decide returns the value to be written, and says why there is none.
func (g *gathered) decide(a *adoption, c *config.Config, full string) string {
	n := 0
	for _, names := range g.accounts {
		n += len(names)
	}
	switch {
	case g.key == "":
		a.note("accounts.xml: %s (accounts: %d) has no counterpart: %s", g.option, n, g.reason)
		return ""
	case given(c, append(slices.Clone(g.also), full)):
		return "" // it held for every account, at each login
	case len(g.accounts) > 1:
		a.note("accounts.xml: %s is not the same for all accounts (%s), and %s is one for all: nothing was written", g.option, g.list(), full)
		return ""
	}
	was := slices.Collect(maps.Keys(g.accounts))[0]
	value := was
	if g.value != nil {
		value = g.value(was)
	}
	switch {
	case slices.Contains(dead, strings.ToLower(was)):
		a.note("accounts.xml: the %s %s does not answer any more: set host in [oscar]", g.option, was)
	case value == "", strings.ContainsFunc(value, unprintable), strings.ContainsFunc(full, unprintable):
		value = ""
		a.note("accounts.xml: %s = %s cannot be taken over into %s", g.option, was, full)
	case strings.EqualFold(value, g.usual):
		return ""
	}
	return value
}

// unprintable would end a line, a section's name or a value of the configuration.
func unprintable(r rune) bool { return r < ' ' || strings.ContainsRune("#;[]= \x7f", r) }

// list shows the values with some of their accounts.
func (g *gathered) list() string {
	var parts []string
	for _, value := range slices.Sorted(maps.Keys(g.accounts)) {
		names := g.accounts[value]
		slices.Sort(names)
		more := ""
		if len(names) > 3 {
			more = fmt.Sprintf(" and %d more", len(names)-3)
		}
		parts = append(parts, value+": "+strings.Join(names[:min(3, len(names))], ", ")+more)
	}
	return strings.Join(parts, "; ")
}

// given reports whether the configuration has one of the keys.
func given(c *config.Config, keys []string) bool {
	for _, full := range keys {
		at := strings.LastIndexByte(full, '.')
		section, key := full[:at], full[at+1:]
		if len(c.Sections[section][key]) > 0 || section == "purple" && len(c.Purple[key]) > 0 {
			return true
		}
	}
	return false
}

// addValues writes keys into a configuration that has none of them.
func (t *tool) addValues(name string, values map[string]string, keep bool) error {
	path := t.fileOf(name)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(b)
	for _, full := range slices.Backward(slices.Sorted(maps.Keys(values))) { // each goes below its section's name
		if text, err = config.SetValue(text, full, values[full]); err != nil {
			return err
		}
	}
	if _, err := inspectAs(name, text, t.fileOf(name)); err != nil {
		return err
	}
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	if keep {
		if err := os.Link(path, path+oldSuffix); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return replaceLike(path, text, before)
}
