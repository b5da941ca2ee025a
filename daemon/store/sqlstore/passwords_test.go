// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore_test

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// Values that the C++ version wrote.
func TestPasswordsOfTheCxxVersion(t *testing.T) {
	for _, c := range []struct{ key, password, kept string }{
		{"", "secret", "secret"},
		{"key", "", ""},
		{"a", "b", "ww=="},
		{"key", "secret", "3src3crt"},
		{"\xff", "A", "QA=="},
	} {
		if got := sqlstore.Disguise(c.key, c.password); c.kept != got {
			t.Errorf("%q with %q is kept as %q, want %q", c.password, c.key, got, c.kept)
		}
		if got := sqlstore.Undisguise(c.key, c.kept); got != c.password {
			t.Errorf("%q with %q is read as %q, want %q", c.kept, c.key, got, c.password)
		}
	}
}

func TestPlainRowsStayPlain(t *testing.T) {
	for _, plain := range []string{"hunter2", "abcd1234", "correct horse", "$spectrum2$1$x", "====", "příliš"} {
		if got := sqlstore.Undisguise("the key", plain); got != plain {
			t.Errorf("%q is read as %q", plain, got)
		}
	}
}

func TestEveryPasswordIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		password := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) })).Draw(t, "password")
		if got := sqlstore.Undisguise(key, sqlstore.Disguise(key, password)); got != password {
			t.Errorf("%q is read as %q", password, got)
		}
	})
}
