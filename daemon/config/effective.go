// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"slices"
	"strings"
)

// Entry is one line of the effective configuration.
type Entry struct {
	Key string `json:"key"`
	// Value is "***" for a secret that is set.
	Value string `json:"value"`
	// Origin is "default", "argument" or the place in the file ("NAME.cfg:12").
	Origin string `json:"origin"`
}

// Effective returns every known key and then the others that were given. A
// list has an entry for each value, and one without a value if it is empty.
func (c *Config) Effective() []Entry {
	var entries []Entry
	for i := range table {
		k := &table[i]
		entries = appendEntries(entries, k.Full(), masked(k.get(c), k.Secret), c.originOr(k.Full()))
	}
	for _, part := range sortedKeys(c.Logging.Levels) {
		key := "logging.level." + part
		entries = appendEntries(entries, key, []string{c.Logging.Levels[part]}, c.originOr(key))
	}
	for _, e := range c.extra {
		key := joinKey(e.section, e.name)
		entries = appendEntries(entries, key, masked(e.values, e.secret), c.originOr(strings.ToLower(key)))
	}
	return entries
}

func appendEntries(entries []Entry, key string, values []string, origin string) []Entry {
	if len(values) == 0 {
		values = []string{""}
	}
	for _, v := range values {
		entries = append(entries, Entry{key, v, origin})
	}
	return entries
}

func masked(values []string, secret bool) []string {
	if !secret {
		return values
	}
	shown := make([]string, len(values))
	for i, v := range values {
		shown[i] = NewSecret(v).String()
	}
	return shown
}

func (c *Config) originOr(key string) string {
	if o := c.origin[key]; o != "" {
		return o
	}
	return "default"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
