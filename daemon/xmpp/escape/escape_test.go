// SPDX-License-Identifier: GPL-2.0-or-later

package escape_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/escape"
)

// The examples of XEP-0106 §5 and what Spectrum adds.
var names = map[string]string{
	`space cadet`: `space\20cadet`, `call me "ishmael"`: `call\20me\20\22ishmael\22`, `at&t guy`: `at\26t\20guy`,
	`d'artagnan`: `d\27artagnan`, `/.fanboy`: `\2f.fanboy`, `::foo::`: `\3a\3afoo\3a\3a`, `<foo>`: `\3cfoo\3e`,
	`user@host`: `user\40host`, `c:\net`: `c\3a\net`, `c:\\net`: `c\3a\\net`, `c:\cool stuff`: `c\3a\cool\20stuff`,
	`c:\5commas`: `c\3a\5c5commas`, `\3and\2is\5cool`: `\5c3and\2is\5c5cool`, `treeville\40example`: `treeville\5c40example`,
	`#chan@host:6697`: `#chan\40host\3a6697`, `aaa\`: `aaa\`, `aaa\2`: `aaa\2`, `aaa\20`: `aaa\5c20`, `\5C40`: `\5c5C40`, ``: ``,
}

func TestEscape(t *testing.T) {
	for name, local := range names {
		if got := escape.Escape(name); got != local {
			t.Errorf("Escape(%q) = %q, want %q", name, got, local)
		}
		if got := escape.Unescape(local); got != name {
			t.Errorf("Unescape(%q) = %q, want %q", local, got, name)
		}
		if got := escape.IsEscaped(local); got != (escape.Unescape(local) != local) {
			t.Errorf("IsEscaped(%q) = %v", local, got)
		}
	}
	if got := escape.Unescape(`joe\3Ax`); got != "joe:x" {
		t.Errorf("upper case digits: %q", got)
	}
}

func TestPercent(t *testing.T) {
	for name, local := range map[string]string{
		"joe@example.net": "joe%example.net", "a@b@c": "a@b%c", "joe": "joe", "#chan@irc.libera.chat": "#chan%irc.libera.chat",
	} {
		if got := escape.Percent(name); got != local {
			t.Errorf("Percent(%q) = %q", name, got)
		}
		if got := escape.FromPercent(local); got != name {
			t.Errorf("FromPercent(%q) = %q", local, got)
		}
	}
}

func TestNameTakesEitherForm(t *testing.T) {
	for local, name := range map[string]string{
		`joe\40example.net`: "joe@example.net", "joe%example.net": "joe@example.net", `100%\20sure`: "100% sure", "joe": "joe",
	} {
		if got := escape.Name(local); got != name {
			t.Errorf("Name(%q) = %q, want %q", local, got, name)
		}
	}
}

// FuzzEscape: every name comes back, also after the localpart was normalised,
// but for the case of its letters and what else PRECIS changes.
func FuzzEscape(f *testing.F) {
	for name := range names {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		local := escape.Escape(name)
		if back := escape.Unescape(local); back != name {
			t.Errorf("%q as %q came back as %q", name, local, back)
		}
		escape.Name(name)
		j, err := xmpp.ParseJID(local + "@example.org")
		if err != nil || len(name) == 0 {
			return
		}
		again := escape.Escape(escape.Unescape(j.Localpart()))
		if j2, err := xmpp.ParseJID(again + "@example.org"); err != nil || !j2.Equal(j) {
			t.Errorf("%q: %v became %v, %v", name, j, j2, err)
		}
	})
}
