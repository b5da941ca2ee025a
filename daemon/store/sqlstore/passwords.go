// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store/seal"
)

const passwordOf = "password"

// roomPassword is the place that a room's password is sealed for.
func roomPassword(room string) string { return "password of room " + room }

// reveal reads a password in each form in which it may be found. Where it
// cannot, the error says whether another main process has changed the key.
func (d *DB) reveal(ctx context.Context, jid, place, value string) (string, error) {
	s := d.sealer.Load()
	if s == nil || !seal.Sealed(value) {
		return d.keys.Load().undisguise(value), nil
	}
	text, err := s.Open(jid, place, value)
	if err == nil {
		return text, nil
	}
	if s, err = d.loadSeal(ctx, d.keys.Load()); err != nil {
		return "", err
	}
	d.sealer.Store(s)
	return s.Open(jid, place, value)
}

// keys are database.encryption_key and the one before.
type keys struct{ now, old config.Secret }

func (k *keys) undisguise(value string) string {
	if text := undisguise(k.now.Reveal(), value); text != value {
		return text
	}
	return undisguise(k.old.Reveal(), value)
}

// disguise is what the C++ version called encryption: the key's bytes, again
// and again, are added to the password's, then base64.
func disguise(key, text string) string {
	if key == "" || text == "" {
		return text
	}
	b := []byte(text)
	for i := range b {
		b[i] += key[i%len(key)]
	}
	return base64.StdEncoding.EncodeToString(b)
}

// undisguise tells a plain row, which the C++ version left where the key came
// later, by what the other reading would give: a password came over XMPP, so
// it is UTF-8 without control characters.
func undisguise(key, value string) string {
	b, err := base64.StdEncoding.Strict().DecodeString(value)
	if key == "" || value == "" || err != nil {
		return value
	}
	for i := range b {
		b[i] -= key[i%len(key)]
	}
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), unicode.IsControl) {
		return value
	}
	return string(b)
}
