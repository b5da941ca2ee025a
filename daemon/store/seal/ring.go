// SPDX-License-Identifier: GPL-2.0-or-later

package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// MetaNext is the check of the key that follows the one in force. It is there
// from the moment that something may be sealed with it until everything is.
const MetaNext = "seal_next"

// Meta is what a database says of its sealing, "" where it says nothing.
type Meta struct{ Salt, Check, Next string }

// Set takes one value by its name; names of something else are ignored.
func (m *Meta) Set(name, value string) {
	switch name {
	case MetaSalt:
		m.Salt = value
	case MetaCheck:
		m.Check = value
	case MetaNext:
		m.Next = value
	}
}

// Again seals with its own key what older sealed, and leaves anything else as
// it is.
func (s *Sealer) Again(jid, place, value string) (string, error) {
	if !Sealed(value) || s.Owns(jid, place, value) {
		return value, nil
	}
	text, err := s.Open(jid, place, value)
	if err != nil {
		return "", err
	}
	return s.Seal(jid, place, text), nil
}

// Matches reports whether the database says what it said when s was made.
// Otherwise its key is being changed, or has been, and s must not write.
func (s *Sealer) Matches(m Meta) bool { return s.meta == m }

// Load makes the sealer of a database: it writes with key and reads what older
// sealed, too. It is nil where passwords are not sealed. If next is not "", the
// key follows another one, and next has to be kept as MetaNext before anything
// is written. Errors wrap store.ErrNoKey or store.ErrWrongKey.
func Load(key, older string, m Meta) (s *Sealer, next string, err error) {
	switch {
	case m.Salt == "":
		return nil, "", nil
	case key == "":
		return nil, "", fmt.Errorf("the passwords are encrypted and %w", store.ErrNoKey)
	}
	if s, err = open(key, m.Salt); err != nil {
		return nil, "", err
	}
	if older != "" && older != key {
		if s.older, err = open(older, m.Salt); err != nil {
			return nil, "", err
		}
	}
	s.meta = m
	switch {
	case s.checks(MetaCheck, m.Check):
		if m.Next != "" && !s.checks(MetaNext, m.Next) && !s.older.checks(MetaNext, m.Next) {
			return nil, "", fmt.Errorf("%w: the key was being changed, and some are encrypted with the next one already; "+
				"database.encryption_key has to be that one, and the one from before database.encryption_key_old", store.ErrWrongKey)
		}
		return s, "", nil
	case !s.older.checks(MetaCheck, m.Check):
		return nil, "", store.ErrWrongKey
	case m.Next == "":
		s.meta.Next = s.check(MetaNext)
		return s, s.meta.Next, nil
	case !s.checks(MetaNext, m.Next):
		return nil, "", fmt.Errorf("%w: the key was being changed to another one; finish that first (spectrumctl db rekey)", store.ErrWrongKey)
	}
	return s, "", nil
}

func open(key, salt string) (*Sealer, error) {
	raw, err := base64.RawStdEncoding.DecodeString(salt)
	if err != nil {
		return nil, errors.New("read salt of the passwords: it is not in base64")
	}
	return newSealer(key, raw)
}

// Check is for MetaCheck: the key is the one in force.
func (s *Sealer) Check() string { return s.check(MetaCheck) }

func (s *Sealer) check(name string) string { return s.Seal("", name, checkText) }

// checks reports whether its own key made the check.
func (s *Sealer) checks(name, check string) bool {
	return s != nil && s.Owns("", name, check)
}

// Owns reports whether the value was sealed with its own key, not the older
// one.
func (s *Sealer) Owns(jid, place, value string) bool {
	if s == nil || !Sealed(value) {
		return false
	}
	own := &Sealer{aead: s.aead}
	_, err := own.Open(jid, place, value)
	return err == nil
}

// Sealed reports whether the value has the form of a sealed one.
func Sealed(value string) bool { return strings.HasPrefix(value, Tag) }
