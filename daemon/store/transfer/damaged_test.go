// SPDX-License-Identifier: GPL-2.0-or-later

package transfer_test

import (
	"errors"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

func small(t *testing.T) string {
	t.Helper()
	s := newStore(t, "")
	must(t, s.CreateUser(t.Context(), &store.User{JID: "a@example.org", Name: "a", Password: "p"}))
	must(t, s.PutContact(t.Context(), 0, &store.Contact{UserID: 1, Name: "c", Subscription: "both"}))
	text, _ := export(t, s, true)
	return text
}

func TestCutFileIsRecognised(t *testing.T) {
	text := small(t)
	for n := range len(text) {
		if _, _, err := transfer.Check(strings.NewReader(text[:n])); err == nil {
			t.Fatalf("cut after %d of %d bytes, and nothing was said", n, len(text))
		}
	}
	first, _, _ := strings.Cut(text, "\n")
	if _, _, err := transfer.Check(strings.NewReader(first + "\n")); !errors.Is(err, transfer.ErrCut) {
		t.Errorf("the header alone: %v", err)
	}
}

func TestChangedFileIsRefused(t *testing.T) {
	text := small(t)
	for what, changed := range map[string]string{
		"a name":         strings.Replace(text, `"c"`, `"d"`, 1),
		"a line less":    strings.Replace(text, `{"contact"`, `{"waiting":{"key":"","stanza":"","at":"2026-03-01T12:00:00Z"}}`+"\n"+`{"contact"`, 1),
		"more at end":    text + "x",
		"a newer format": strings.Replace(text, `"format":1`, `"format":2`, 1),
		"another field":  strings.Replace(text, `"contact":{`, `"contact":{"shoe_size":9,`, 1),
		"another file":   "{}\n",
		"no JSON":        "SQLite format 3\x00\n",
		"nothing":        "",
	} {
		if changed == text {
			t.Fatalf("%s: not changed", what)
		}
		_, _, err := transfer.Check(strings.NewReader(changed))
		if err == nil {
			t.Errorf("%s: nothing was said", what)
		}
	}
	if _, _, err := transfer.Check(strings.NewReader(strings.Replace(text, `"format":1`, `"format":2`, 1))); !strings.Contains(err.Error(), "knows those up to 1") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestWhatBelongsToNobodyIsRefused(t *testing.T) {
	text := small(t)
	lines := strings.SplitAfter(text, "\n")
	_, err := transfer.Import(t.Context(), newStore(t, ""), strings.NewReader(lines[0]+lines[2]+lines[3]), false)
	if err == nil || !strings.Contains(err.Error(), "line 2 of the export: it belongs to no user") {
		t.Errorf("got %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"spectrum2_export":{"format":1,"jid":"a","date":"2026-03-01T12:00:00Z","passwords":false}}` + "\n" + `{"end":{"users":0}}` + "\n"))
	f.Add([]byte(`{"spectrum2_export":{"format":1}}` + "\n" + `{"user":{"jid":{"base64":"/w=="},"name":"x"}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, _, err := transfer.Check(strings.NewReader(string(b))); err == nil && h.Format != transfer.Format {
			t.Errorf("accepted format %d", h.Format)
		}
	})
}
