// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"crypto/subtle"
	"log/slog"
)

// Secret is a value that must never be seen: it prints, logs and marshals as
// "***". Reveal gives the value to whoever has to use it. Compare two with
// Equal: == compares where they are kept.
type Secret struct {
	// value is behind a pointer because fmt does not call the methods of a
	// value in somebody's unexported field, but prints what is in it.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports, in constant time, whether both have the same value.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return "***"
}

// GoString masks %#v as String masks %v.
func (s Secret) GoString() string { return s.String() }

// LogValue masks the value in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the value in JSON and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
