// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// apply puts one key's values where they belong.
func (l *loader) apply(g *group) {
	if g.key == nil {
		l.applyExtra(g)
		return
	}
	k, last := g.key, g.items[len(g.items)-1]
	l.cfg.origin[g.full] = l.originOf(last)
	if k.Type != List {
		l.once(g)
	}
	values := l.resolveAll(g, k.Secret)
	if len(values) < len(g.items) {
		return // said already
	}
	for i, v := range values { // each for itself, so that each has its line
		l.complain(k, g.items[i], []string{v})
	}
	if k.Type == List {
		k.set(l.cfg, values)
	}
	if k.Later != "" && !l.lenient {
		l.warn(l.at(last, g.full, "has no effect yet: "+k.Later+" comes with a later version", ""))
	}
}

// once refuses a key that is no list and stands there several times.
func (l *loader) once(g *group) {
	for _, it := range g.items[1:] {
		l.fail(l.at(it, g.full, "given again"+after(g.items[0]), "it once"))
	}
}

func after(first item) string {
	if first.line == 0 {
		return ""
	}
	return fmt.Sprintf(" after line %d", first.line)
}

func (l *loader) complain(k *Key, it item, values []string) {
	text, instead := k.set(l.cfg, values)
	if text == "" {
		return
	}
	l.fail(l.at(it, k.Full(), text, instead))
	if l.lenient {
		delete(l.cfg.origin, k.Full())
	}
}

// applyExtra keeps a key that has no field: it is for a backend.
func (l *loader) applyExtra(g *group) {
	section, name := splitExtra(g)
	first := g.items[0]
	if level, ok := strings.CutPrefix(g.full, "logging.level."); ok {
		l.applyLevel(level, g)
		return
	}
	if strings.HasPrefix(name, ";") || strings.HasPrefix(name, "[") {
		l.fail(l.at(first, g.full, "is not a name that a key can have: such a line is a comment, or a section", ""))
		return
	}
	if section != "purple" && !networkKey(section, name) && !l.lenient {
		l.warn(l.at(first, g.full, "is not a key that Spectrum 2 knows"+suggestion(g.full)+"; a backend may know it", ""))
	}
	secret := secretName.MatchString(name)
	for _, it := range g.items {
		secret = secret || isReference(it.value)
	}
	values := l.resolveAll(g, secret)
	if section == "purple" {
		l.cfg.Purple = setKey(l.cfg.Purple, name, values)
	}
	l.cfg.origin[g.full] = l.originOf(g.items[len(g.items)-1])
	l.cfg.extra = append(l.cfg.extra, extra{section, name, values, secret})
}

// secretName recognises keys of backends that hold a secret.
var secretName = regexp.MustCompile(`(?i)pass|secret|token|key$|sasl|nickserv`)

// applyLevel takes [logging] level.PART.
func (l *loader) applyLevel(part string, g *group) {
	l.once(g)
	for _, it := range g.items {
		level := strings.ToLower(it.value)
		if !slices.Contains(levels, level) {
			l.fail(l.at(it, g.full, quoted(it.value)+" is not a level", strings.Join(levels, ", ")))
			continue
		}
		l.cfg.Logging.Levels = setKey(l.cfg.Logging.Levels, part, level)
		l.cfg.origin[g.full] = l.originOf(it)
	}
}

func setKey[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// splitExtra is section (lower-case) and name of a key that is not in the
// table. The name of a libpurple option keeps its case. An argument's section
// ends at the last dot, as hosts have dots and keys have none.
func splitExtra(g *group) (section, name string) {
	it := g.items[0]
	full := joinKey(it.section, it.name)
	if len(full) > 7 && strings.EqualFold(full[:7], "purple.") {
		return "purple", full[7:]
	}
	if it.section != "" {
		return strings.ToLower(it.section), strings.ToLower(it.name)
	}
	i := strings.LastIndexByte(full, '.')
	return strings.ToLower(full[:max(i, 0)]), strings.ToLower(full[i+1:])
}

// networkKeys are the keys of [irc.HOST] sections.
var networkKeys = []string{
	"port", "tls", "fingerprint", "certificate", "encoding", "username", "password", "sasl", "nickserv", "realname", "after_connect", "throttle",
}

// networkKey reports whether a backend of ours is known to read the key.
func networkKey(section, name string) bool {
	return strings.HasPrefix(section, "irc.") && slices.Contains(networkKeys, name) || section == "irc" && name == "network" || section == "oscar"
}

// sections fills Sections from everything that was given but the secrets.
func (l *loader) sections() {
	c := l.cfg
	add := func(section, name string, values []string) {
		if c.Sections == nil {
			c.Sections = map[string]map[string][]string{}
		}
		c.Sections[section] = setKey(c.Sections[section], name, values)
	}
	for _, g := range l.groups {
		if g.key == nil || g.key.Secret {
			continue
		}
		values := make([]string, len(g.items))
		for i, it := range g.items {
			values[i] = it.value
		}
		add(g.key.Section, g.key.Name, values)
	}
	for _, e := range c.extra {
		add(e.section, strings.ToLower(e.name), e.values)
	}
	for part, level := range c.Logging.Levels {
		add("logging", "level."+part, []string{level})
	}
}
