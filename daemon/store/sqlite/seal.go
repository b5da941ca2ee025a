// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// sealTag begins every sealed value and says how it was sealed: AES-256-GCM,
// the key by HKDF-SHA256 from database.encryption_key and the database's
// salt, the user's JID and the value's place as associated data; then base64
// of nonce and ciphertext.
const sealTag = "$spectrum2$1$"

// The names in spectrum2_meta of a database whose passwords are sealed.
const (
	metaSalt  = "seal_salt"
	metaCheck = "seal_check" // a known text: is it the right key?
)

const checkText = "the key is right"

// sealer seals and opens passwords; nil leaves them as they are.
type sealer struct{ aead cipher.AEAD }

func newSealer(key string, salt []byte) (*sealer, error) {
	derived, err := hkdf.Key(sha256.New, []byte(key), salt, "spectrum2 passwords 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead}, err
}

// associated binds a value to its user and place, so that it cannot be moved.
func associated(jid, place string) []byte { return []byte(place + "\x00" + jid) }

// seal leaves an empty password empty: that there is none is no secret.
func (s *sealer) seal(jid, place, text string) string {
	if s == nil || text == "" {
		return text
	}
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce) // never fails
	sealed := s.aead.Seal(nonce, nonce, []byte(text), associated(jid, place))
	return sealTag + base64.RawStdEncoding.EncodeToString(sealed)
}

// open reads a sealed value, and one without the tag as it is: the C++
// version may have written it.
func (s *sealer) open(jid, place, value string) (string, error) {
	encoded, tagged := strings.CutPrefix(value, sealTag)
	if s == nil || !tagged {
		return value, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(encoded)
	if n := s.aead.NonceSize(); err == nil && len(b) > n {
		var text []byte
		if text, err = s.aead.Open(nil, b[:n], b[n:], associated(jid, place)); err == nil {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("the kept %s of %s was changed or belongs to another user", place, jid)
}

// newSeal makes a database that is being made one with sealed passwords, if
// there is a key. It runs before the first table is there.
func (t *tx) newSeal(d *db) error {
	var n int
	err := t.get("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", []any{d.prefix + "users"}, &n)
	if err != nil || n > 0 || !d.key.IsSet() {
		return err
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails
	s, err := newSealer(d.key.Reveal(), salt)
	if err != nil {
		return err
	}
	const put = "INSERT INTO {spectrum2_meta} (name, value) VALUES (?, ?)"
	return errors.Join(
		t.exec(put, metaSalt, base64.RawStdEncoding.EncodeToString(salt)),
		t.exec(put, metaCheck, s.seal("", metaCheck, checkText)))
}

// openSeal finds out whether passwords are sealed, and tries the key.
func (d *db) openSeal(ctx context.Context) error {
	var encoded, check string
	err := d.get(ctx, "SELECT value FROM {spectrum2_meta} WHERE name = ?", []any{metaSalt}, &encoded)
	if errors.Is(err, store.ErrNotFound) {
		d.warnPlain()
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.get(ctx, "SELECT value FROM {spectrum2_meta} WHERE name = ?", []any{metaCheck}, &check); err != nil {
		return err
	}
	if !d.key.IsSet() {
		return fmt.Errorf("the passwords in %s are encrypted and there is no database.encryption_key", d.path)
	}
	salt, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("read salt of the passwords: %w", err)
	}
	s, err := newSealer(d.key.Reveal(), salt)
	if err != nil {
		return err
	}
	if text, err := s.open("", metaCheck, check); err != nil || text != checkText {
		return fmt.Errorf("database.encryption_key is not the one that the passwords in %s are encrypted with", d.path)
	}
	d.sealer.Store(s)
	return nil
}

func (d *db) warnPlain() {
	if d.key.IsSet() {
		d.log.Warn("passwords of this existing database stay readable in it: it was made without database.encryption_key", "file", d.path)
	}
}
