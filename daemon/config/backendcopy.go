// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// BackendCopy writes the configuration as a backend may see it: what is not
// at its default, with $jid replaced and references followed, and without the
// main process's secrets. LoadBackend reads it back, and so does any backend
// of the C++ version.
func (c *Config) BackendCopy(w io.Writer) error {
	b := bufio.NewWriter(w)
	c.writeCopy(b, func(*Key) bool { return true })
	return b.Flush()
}

// Digest tells configurations apart that a backend would notice: it is of
// BackendCopy without the keys that only the main process reads.
func (c *Config) Digest() string {
	h := sha256.New()
	b := bufio.NewWriter(h)
	c.writeCopy(b, func(k *Key) bool { return !k.main })
	b.Flush()
	return hex.EncodeToString(h.Sum(nil))
}

// writeCopy leaves errors to b.
func (c *Config) writeCopy(b *bufio.Writer, want func(*Key) bool) {
	sections := map[string][]string{}
	add := func(section, name, value string) {
		sections[section] = append(sections[section], name+" = "+notation(value))
	}
	for i := range table {
		k := &table[i]
		if !want(k) || k.Secret && !k.kept {
			continue
		}
		values := k.get(c)
		if k.Type != List && slices.Equal(values, []string{k.writtenDefault(c)}) {
			continue
		}
		for _, v := range values {
			add(k.Section, k.Name, v)
		}
	}
	for _, part := range sortedKeys(c.Logging.Levels) {
		add("logging", "level."+part, c.Logging.Levels[part])
	}
	for _, e := range c.sortedExtra() {
		for _, v := range e.values {
			add(e.section, e.name, v)
		}
	}
	for _, s := range sortedKeys(sections) {
		b.WriteString("[" + s + "]\n" + strings.Join(sections[s], "\n") + "\n")
	}
}

// writtenDefault is the value that LoadBackend would come to without the key.
func (k *Key) writtenDefault(c *Config) string {
	return k.defaultValue(c.Service.ServerMode, c.Service.JID)
}

func (c *Config) sortedExtra() []extra {
	sorted := slices.Clone(c.extra)
	slices.SortStableFunc(sorted, func(a, b extra) int {
		return strings.Compare(joinKey(a.section, a.name), joinKey(b.section, b.name))
	})
	return sorted
}

// notation is the value as the file's notation can say it.
func notation(v string) string {
	if v == cleanLine(v) && unprintable(v) == "" && !isReference(v) && !strings.HasPrefix(v, ";") {
		return v
	}
	if v == "" {
		return v
	}
	return refBase64 + base64.StdEncoding.EncodeToString([]byte(v))
}
