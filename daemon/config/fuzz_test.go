// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/ini.v1"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		"", "[service]\njid = a.org\n", "[a]\nb=c # d\n;e\nf;g=h;i\n", "service.jid = a.org\r\n[x]\r\ny=\\\r\nz=1", "\ufeff[a]\nb=c",
		"[a]\nb=\"c\"\nb='d'\nb=c\nb=c\n", "[irc.a.org]\npassword=$file:/x\n", "[purple]\nA=1\na=2\n[logging]\nlevel.x=debug\n",
		"[service]\njid = a.org\nserver_mode = 1\ncert = /none\ntls_port = 5222\nadmin_jid = a@b\npassword = x\n[archive]\ndays = 1\n",
	} {
		f.Add(s)
	}
	if b, err := os.ReadFile("testdata/cxx_gateway.cfg"); err == nil {
		f.Add(string(b))
	}
}

// FuzzScan holds the scanner against ini.v1, which reads the same notation
// but for its own quoting, names and characters.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		items, problems := scan(text)
		if len(problems) > 0 || strings.ContainsAny(text, "`\"#\\:\r\v\f\u0085\u00a0\x00") || strings.Contains(text, "\"\"\"") || !plainASCII(text) {
			return
		}
		file, err := ini.LoadSources(ini.LoadOptions{
			IgnoreContinuation: true, PreserveSurroundedQuote: true, IgnoreInlineComment: true, AllowShadows: true,
			AllowDuplicateShadowValues: true, KeyValueDelimiters: "=",
		}, []byte(text))
		if err != nil {
			t.Fatalf("ini.v1: %v", err)
		}
		for _, it := range items {
			if it.section == "" || strings.EqualFold(it.section, "DEFAULT") || it.name == "-" || strings.ContainsAny(it.section, "[]") {
				continue
			}
			if got := valuesOf(file, it.section, it.name); !slices.Contains(got, it.value) && it.value != "" {
				t.Errorf("[%s] %s: scan has %q, ini.v1 %q", it.section, it.name, it.value, got)
			}
		}
	})
}

// valuesOf are a key's values in ini.v1's eyes, who keeps the blanks inside a
// section's brackets.
func valuesOf(file *ini.File, section, name string) (values []string) {
	for _, s := range file.Sections() {
		if strings.TrimSpace(s.Name()) == section {
			values = append(values, s.Key(name).ValueWithShadows()...)
		}
	}
	return values
}

func plainASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && (r < ' ' || r > '~') }) < 0
}

// FuzzLoad looks for panics, for mistakes without a place, and for a copy
// that does not read back as what it was made of.
func FuzzLoad(f *testing.F) {
	seeds(f)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "$file:") || strings.Contains(text, "config") {
			return // it would read any file there is
		}
		path := filepath.Join(dir, "fuzz.cfg")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(path, nil)
		if errs, ok := err.(Errors); err != nil && !ok {
			t.Fatalf("%T", err)
		} else {
			for _, e := range errs {
				if e.File == "" || e.Text == "" || !strings.HasPrefix(e.String(), path) {
					t.Errorf("%+v", e)
				}
			}
		}
		c, _, err := LoadBackend(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var one, two bytes.Buffer
		if err := c.BackendCopy(&one); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, one.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		back, warnings, err := LoadBackend(path, nil)
		if err != nil || len(warnings) > 0 {
			t.Fatalf("%v %v in\n%s", warnings, err, one.String())
		}
		if err := back.BackendCopy(&two); err != nil || one.String() != two.String() || c.Digest() != back.Digest() {
			t.Fatalf("a copy of the copy differs (%v):\n%s\n%s", err, one.String(), two.String())
		}
	})
}
