// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds what is read: a configuration is a few kilobytes.
const maxFile = 1 << 20

// Load reads an instance's configuration. args are "--section.key=value" and
// win over the file. The error is an Errors with every mistake; the warnings
// are good with or without one.
func Load(file string, args []string) (*Config, Warnings, error) {
	return loadInstance(file, args, &loader{})
}

// LoadGiven is Load with credentials that win over those of the same name that
// the service was started with.
func LoadGiven(file string, args []string, given map[string]Secret) (*Config, Warnings, error) {
	return loadInstance(file, args, &loader{fresh: given})
}

// Inspect is Load for whoever is not the instance (spectrumctl, the
// generator): $credential: and $file: are not followed, as what they lead to
// is for the instance only. Such a Secret holds the reference.
func Inspect(file string, args []string) (*Config, Warnings, error) {
	return loadInstance(file, args, &loader{inspect: true})
}

func loadInstance(file string, args []string, l *loader) (*Config, Warnings, error) {
	l.file, l.cfg = file, &Config{File: file, origin: map[string]string{}}
	name, err := InstanceOf(file)
	if err != nil {
		l.fail(Problem{File: file, Text: err.Error()})
	}
	l.cfg.Instance = name
	return l.run(args)
}

// LoadBackend reads a configuration for a backend, which may come from any
// main process: what the backend cannot use is left at its default with a
// warning, arguments that are not of the form --section.key=value are
// ignored, and the only error is a file that cannot be read. Unknown keys and
// arguments (service.backend_id) are in Sections.
func LoadBackend(file string, args []string) (*Config, Warnings, error) {
	l := &loader{file: file, lenient: true, cfg: &Config{File: file, origin: map[string]string{}}}
	l.cfg.Instance = strings.TrimSuffix(filepath.Base(file), ".cfg")
	return l.run(args)
}

// loader carries one Load from step to step.
type loader struct {
	file     string
	lenient  bool              // LoadBackend
	inspect  bool              // Inspect
	fresh    map[string]Secret // LoadGiven
	cfg      *Config
	groups   []*group
	errors   Errors
	warnings Warnings
	// private: there is a secret in the file itself.
	private bool
}

// group is everything that is said about one key.
type group struct {
	full  string // canonical: the table's name for a known key
	key   *Key   // nil: not in the table
	items []item
}

func (l *loader) fail(p Problem) { l.errors = append(l.errors, p) }
func (l *loader) warn(p Problem) { l.warnings = append(l.warnings, p) }

func (l *loader) run(args []string) (*Config, Warnings, error) {
	text, err := readFile(l.file)
	if err != nil {
		l.fail(Problem{File: l.file, Text: err.Error()})
		return nil, l.warnings, l.errors
	}
	items, problems := scan(text)
	for _, p := range problems {
		p.File = l.file
		l.fail(p)
	}
	l.collect(items, l.arguments(args))
	l.substitute()
	l.defaults()
	for _, g := range l.groups {
		l.apply(g)
	}
	l.sections()
	l.finish()
	return l.result()
}

func (l *loader) result() (*Config, Warnings, error) {
	byLine := func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) }
	if l.lenient {
		l.warnings = append(l.warnings, l.errors...)
		l.errors = nil
	}
	slices.SortStableFunc(l.warnings, byLine)
	slices.SortStableFunc(l.errors, byLine)
	if len(l.errors) > 0 {
		return nil, l.warnings, l.errors
	}
	return l.cfg, l.warnings, nil
}

func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", shortPathError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", shortPathError(err)
	}
	if len(b) > maxFile {
		return "", fmt.Errorf("larger than %d KiB: not a configuration", maxFile>>10)
	}
	return string(b), nil
}

// collect groups the items by key. An argument replaces what the file says.
func (l *loader) collect(items, args []item) {
	index := map[string]*group{}
	add := func(it item) *group {
		full := canonical(it.full())
		g := index[full]
		if g == nil {
			g = &group{full: full, key: byName[full]}
			index[full], l.groups = g, append(l.groups, g)
		}
		g.items = append(g.items, it)
		return g
	}
	for _, it := range items {
		add(it)
	}
	overridden := map[string]bool{}
	for _, it := range args {
		if full := canonical(it.full()); !overridden[full] && index[full] != nil {
			index[full].items = nil
		}
		overridden[canonical(it.full())] = true
		add(it)
	}
}

// canonical is the table's name for an alias.
func canonical(full string) string {
	if k := byName[full]; k != nil {
		return k.Full()
	}
	return full
}

// substitute replaces $jid in all values but the JID's own.
func (l *loader) substitute() {
	name := l.given("service.jid")
	for _, g := range l.groups {
		if g.full == "service.jid" || name == "" {
			continue
		}
		for i := range g.items {
			g.items[i].value = strings.ReplaceAll(g.items[i].value, "$jid", name)
		}
	}
}

// given is the last value of the key as it was written.
func (l *loader) given(full string) string {
	for _, g := range l.groups {
		if g.full == full {
			return g.items[len(g.items)-1].value
		}
	}
	return ""
}

func (l *loader) defaults() {
	server, _ := parseBool(l.given("service.server_mode"))
	for i := range table {
		k := &table[i]
		if v := k.defaultValue(server, l.given("service.jid")); v != "" {
			k.parseDefault(l.cfg, v)
		}
	}
}

// parseDefault does not check: "$jid" is still there where the JID is missing.
func (k *Key) parseDefault(c *Config, v string) {
	assign, text, _ := k.parse(c, v)
	if text != "" {
		panic("config: default of " + k.Full() + " " + text)
	}
	assign()
}

// at is where an item stands, for a message.
func (l *loader) at(it item, key, text, instead string) Problem {
	p := Problem{File: l.file, Line: it.line, Key: key, Text: text, Instead: instead}
	if it.line == 0 {
		p.File = ""
	}
	return p
}

func (l *loader) originOf(it item) string {
	if it.line == 0 {
		return "argument"
	}
	return fmt.Sprintf("%s:%d", l.file, it.line)
}
