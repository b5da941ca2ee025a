// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"context"
	"log/slog"
	"maps"
	"testing"
)

// fields is a journal that keeps the last line.
type fields struct {
	message string
	level   slog.Level
	got     map[string]string
}

func (f *fields) Enabled(context.Context, slog.Level) bool { return true }
func (f *fields) WithAttrs([]slog.Attr) slog.Handler       { panic("not used") }
func (f *fields) WithGroup(string) slog.Handler            { panic("not used") }

func (f *fields) Handle(_ context.Context, r slog.Record) error {
	f.message, f.level, f.got = r.Message, r.Level, map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		f.got[a.Key] = a.Value.String()
		return true
	})
	return nil
}

func TestJournalFields(t *testing.T) {
	var f fields
	s := &journalSink{handler: &f, instance: "irc"}
	s.write(&entry{level: slog.LevelWarn + 1, part: "backend", message: "said something",
		attrs: []attr{{User, "a@example.org"}, {Backend, "3"}, {"odd-key.é", "x y"}, {"message", "no"}}})
	want := map[string]string{
		"SPECTRUM2_INSTANCE": "irc", "SPECTRUM2_PART": "backend", "SPECTRUM2_USER": "a@example.org",
		"SPECTRUM2_BACKEND": "3", "SPECTRUM2_ODD_KEY__": "x y", "SPECTRUM2_MESSAGE": "no",
	}
	if !maps.Equal(f.got, want) {
		t.Errorf("got %v, want %v", f.got, want)
	}
	if f.message != `backend: said something user=a@example.org backend=3 odd-key.é="x y" message=no` || f.level != slog.LevelWarn {
		t.Errorf("got %v %q", f.level, f.message)
	}
}

// Without a journal the native handler drops lines and does not complain.
func TestJournalThatIsNotThere(t *testing.T) {
	l, err := New(Options{Journal: true, Instance: "irc"})
	if err != nil {
		t.Fatal(err)
	}
	l.Logger("x").Info("line")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
