// SPDX-License-Identifier: GPL-2.0-or-later

// Package seal keeps passwords readable only with database.encryption_key:
// every database of ours uses it. It knows nothing of tables; who uses it
// keeps the salt and the check beside the sealed values.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// Tag begins every sealed value and says how it was sealed: AES-256-GCM, the
// key by HKDF-SHA256 from database.encryption_key and the database's salt, the
// user's JID and the value's place as associated data; then base64 of nonce
// and ciphertext.
const Tag = "$spectrum2$1$"

// The names in spectrum2_meta of a database whose passwords are sealed.
const (
	MetaSalt  = "seal_salt"
	MetaCheck = "seal_check" // a known text: is it the right key?
)

const checkText = "the key is right"

// Sealer seals and opens passwords; a nil one leaves them as they are.
type Sealer struct {
	aead cipher.AEAD
	// older opens what was sealed before the key was changed; nil is nobody.
	older *Sealer
	// meta is what the database said, and was told, when this was made.
	meta Meta
}

func newSealer(key string, salt []byte) (*Sealer, error) {
	derived, err := hkdf.Key(sha256.New, []byte(key), salt, "spectrum2 passwords 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead: aead}, err
}

// Begin makes the salt of a database whose passwords shall be sealed, and the
// check with which Load tries a key.
func Begin(key string) (s *Sealer, salt, check string, err error) {
	raw := make([]byte, 16)
	rand.Read(raw) // never fails
	if s, err = newSealer(key, raw); err != nil {
		return nil, "", "", err
	}
	return s, base64.RawStdEncoding.EncodeToString(raw), s.Seal("", MetaCheck, checkText), nil
}

// associated binds a value to its user and place, so that it cannot be moved.
func associated(jid, place string) []byte { return []byte(place + "\x00" + jid) }

// Seal leaves an empty password empty: that there is none is no secret.
func (s *Sealer) Seal(jid, place, text string) string {
	if s == nil || text == "" {
		return text
	}
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce) // never fails
	sealed := s.aead.Seal(nonce, nonce, []byte(text), associated(jid, place))
	return Tag + base64.RawStdEncoding.EncodeToString(sealed)
}

// Open reads a sealed value, and one without the tag as it is: the C++
// version may have written it.
func (s *Sealer) Open(jid, place, value string) (string, error) {
	encoded, tagged := strings.CutPrefix(value, Tag)
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
	if s.older != nil {
		return s.older.Open(jid, place, value)
	}
	return "", fmt.Errorf("the kept %s of %s was changed or belongs to another user", place, jid)
}
