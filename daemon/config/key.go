// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"slices"
	"strings"
)

// Type is what a key's value has to be.
type Type string

// The types of keys.
const (
	Text         Type = "text"
	Number       Type = "number"
	Boolean      Type = "boolean"
	Seconds      Type = "seconds"
	Milliseconds Type = "milliseconds"
	List         Type = "list" // the key is given once for each value
	SecretText   Type = "secret"
)

// Key is a known key. The table of them is the only place that knows: it
// drives parsing, defaults, validation, Diff, Effective, BackendCopy and the
// documentation.
type Key struct {
	Section, Name string
	// Default as a person would write it; "" is empty.
	Default string
	Type    Type
	// Doc is a sentence or two for the manual.
	Doc string
	// Secret: the value is never shown.
	Secret bool
	// Later names the feature that the key belongs to and that this version
	// does not have; "" where the key has its effect.
	Later string
	// Restart says why a change needs a restart; "" where a reload does.
	Restart string
	// Aliases are other full names by which existing files know the key.
	Aliases []string

	// field points to the key's place in c; by its type Type is known.
	field func(c *Config) any
	// check returns what is wrong with a value and what to write instead.
	check func(value string) (text, instead string)
	// byMode is the default where it depends on server_mode.
	byMode func(server bool) string
	// fold: the value's case does not matter.
	fold bool
	// kept: a secret that the backend has to see (the proxy's).
	kept bool
	// only: the key has an effect in this mode alone, "" in both.
	only string
	// main: no backend reads it; a change of it makes no backend outdated.
	main bool
}

// The modes that a key may be for.
const (
	inGateway = "gateway mode"
	inServer  = "server mode"
)

// Full is the key's name with its section: "service.port".
func (k Key) Full() string { return joinKey(k.Section, k.Name) }

// Keys returns the table of known keys, in the order of the manual. The
// sections [purple], [oscar], [irc.HOST] and [logging] level.PART take keys
// that depend on other names and are not in it.
func Keys() []Key { return slices.Clone(table) }

var table = buildTable()

// byName finds a key by its full name or an alias.
var byName = indexTable()

func buildTable() []Key {
	keys := slices.Concat(serviceKeys, serverKeys, ircKeys, identityKeys, registrationKeys, databaseKeys, loggingKeys, backendKeys, scopeKeys)
	for i := range keys {
		keys[i].Type, keys[i].Secret = typeOf(&keys[i])
	}
	return keys
}

func typeOf(k *Key) (t Type, secret bool) {
	switch k.field(new(Config)).(type) {
	case *string:
		return Text, false
	case *int:
		return Number, false
	case *bool:
		return Boolean, false
	case *[]string:
		return List, false
	case *Secret:
		return SecretText, true
	}
	if k.Type == Milliseconds {
		return Milliseconds, false
	}
	return Seconds, false
}

func indexTable() map[string]*Key {
	m := make(map[string]*Key, 2*len(table))
	for i := range table {
		k := &table[i]
		m[k.Full()] = k
		for _, a := range k.Aliases {
			m[a] = k
		}
	}
	return m
}

// defaultValue is the key's default as it would be written in the file.
func (k *Key) defaultValue(server bool, jid string) string {
	if k.byMode != nil {
		return k.byMode(server)
	}
	return strings.ReplaceAll(k.Default, "$jid", jid)
}
