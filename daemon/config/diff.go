// SPDX-License-Identifier: GPL-2.0-or-later

package config

import "slices"

// Diff returns the full names of the keys that differ, in the table's order,
// and those among them that a running instance cannot change; Key.Restart
// says why.
func Diff(old, new *Config) (changed, needRestart []string) {
	for i := range table {
		k := &table[i]
		if slices.Equal(k.get(old), k.get(new)) {
			continue
		}
		changed = append(changed, k.Full())
		if k.Restart != "" {
			needRestart = append(needRestart, k.Full())
		}
	}
	was, is := old.others(), new.others()
	for name := range was {
		if !slices.Equal(was[name], is[name]) {
			changed = append(changed, name)
		}
	}
	for name := range is {
		if _, both := was[name]; !both {
			changed = append(changed, name)
		}
	}
	known := len(changed)
	for i, name := range changed {
		if byName[name] == nil {
			known = i
			break
		}
	}
	slices.Sort(changed[known:])
	return changed, needRestart
}

// others are the given keys outside the table.
func (c *Config) others() map[string][]string {
	m := map[string][]string{}
	for _, e := range c.extra {
		m[joinKey(e.section, e.name)] = e.values
	}
	for part, level := range c.Logging.Levels {
		m["logging.level."+part] = []string{level}
	}
	return m
}
