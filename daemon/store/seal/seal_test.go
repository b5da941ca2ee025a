// SPDX-License-Identifier: GPL-2.0-or-later

package seal_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

func begin(t *testing.T) (s *seal.Sealer, salt, check string) {
	t.Helper()
	s, salt, check, err := seal.Begin("the key")
	if err != nil {
		t.Fatal(err)
	}
	return s, salt, check
}

func TestSealedPasswordIsReadWithItsKeyOnly(t *testing.T) {
	s, salt, check := begin(t)
	sealed := s.Seal("a@example.org", "password", "Canary")
	if !strings.HasPrefix(sealed, seal.Tag) || strings.Contains(sealed, "Canary") || sealed == s.Seal("a@example.org", "password", "Canary") {
		t.Errorf("sealed: %q", sealed)
	}
	again, _, err := seal.Load("the key", "", seal.Meta{Salt: salt, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open("a@example.org", "password", sealed); err != nil || got != "Canary" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, c := range []struct {
		key, salt string
		want      error
	}{{"another key", salt, store.ErrWrongKey}, {"", salt, store.ErrNoKey}} {
		if _, _, err := seal.Load(c.key, "", seal.Meta{Salt: c.salt, Check: check}); !errors.Is(err, c.want) {
			t.Errorf("with key %q: %v, want %v", c.key, err, c.want)
		}
	}
	if _, _, err := seal.Load("the key", "", seal.Meta{Salt: "not base64!", Check: check}); err == nil {
		t.Error("a broken salt was taken")
	}
}

func TestSealedPasswordIsBoundToItsPlace(t *testing.T) {
	s, _, _ := begin(t)
	sealed := s.Seal("a@example.org", "password", "Canary")
	cut, _ := strings.CutPrefix(sealed, seal.Tag)
	bytes, _ := base64.RawStdEncoding.DecodeString(cut)
	bytes[len(bytes)-1]++
	for name, v := range map[string][3]string{
		"another user":  {"b@example.org", "password", sealed},
		"another place": {"a@example.org", "password of room x", sealed},
		"changed":       {"a@example.org", "password", seal.Tag + base64.RawStdEncoding.EncodeToString(bytes)},
		"cut":           {"a@example.org", "password", sealed[:len(seal.Tag)+4]},
		"no base64":     {"a@example.org", "password", seal.Tag + "!"},
	} {
		if got, err := s.Open(v[0], v[1], v[2]); err == nil || strings.Contains(err.Error(), "Canary") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReadableValuesAreLeftAlone(t *testing.T) {
	s, _, _ := begin(t)
	var none *seal.Sealer
	if none.Seal("a", "p", "x") != "x" || s.Seal("a", "p", "") != "" {
		t.Error("sealed without a key, or nothing")
	}
	for _, value := range []string{"", "plain", "$spectrum2$0$x"} {
		if got, err := s.Open("a", "p", value); err != nil || got != value {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	if got, err := none.Open("a", "p", seal.Tag+"x"); err != nil || got != seal.Tag+"x" {
		t.Errorf("without a key: %q, %v", got, err)
	}
}
