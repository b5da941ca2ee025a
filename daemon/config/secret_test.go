// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
)

func TestSecretPrintsAsNothingElse(t *testing.T) {
	const canary = "Canary4711"
	s := config.NewSecret(canary)
	hidden := struct{ s config.Secret }{s}
	b, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "in", hidden)
	for _, out := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q %s %x", s, s, s, s, s, s),
		fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden), string(b), log.String()} {
		if strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
			t.Errorf("it shows in %s", out)
		}
	}
	if !s.Equal(config.NewSecret(canary)) || s.Equal(config.Secret{}) || s.Reveal() != canary || config.NewSecret("").IsSet() {
		t.Error("Equal, Reveal or IsSet")
	}
}

func TestSecretsFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "component"), []byte("from # credential\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("  from file "), 0o640); err != nil {
		t.Fatal(err)
	}
	c := load(t, "[service]\njid = irc.example.org\npassword = $credential:component\n[database]\nencryption_key = $file:"+dir+"/key\n[irc.a.org]\npassword = $file:"+dir+"/key\n")
	if c.Service.Password.Reveal() != "from # credential" || c.Database.EncryptionKey.Reveal() != "  from file " {
		t.Errorf("got %q, %q", c.Service.Password.Reveal(), c.Database.EncryptionKey.Reveal())
	}
	if got := c.Sections["irc.a.org"]["password"]; len(got) != 1 || got[0] != "  from file " {
		t.Errorf("a network's password: %q", got)
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"$credential:nosuch":        "LoadCredential=nosuch:PATH",
		"$credential:../etc/shadow": "is not the name of a credential",
		"$file:relative":            "without its whole path",
		"$file:/no/such":            "cannot read /no/such: no such file",
		"$file:" + dir + "/empty":   "is empty",
		"$file:" + dir:              "is a directory",
		"$file:/dev/zero":           "too large for a secret",
	} {
		path := write(t, "[service]\njid = irc.example.org\npassword = "+value+"\n")
		_, _, err := config.Load(path, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":3: service.password: ") {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
		if c, _, err := config.Inspect(path, nil); err != nil || !c.Service.Password.IsSet() {
			t.Errorf("%s: Inspect follows it: %v", value, err)
		}
	}
}

func TestFileThatEverybodyCanRead(t *testing.T) {
	path := write(t, minimal)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := config.Load(path, nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings.String(), "everybody can read this file") {
		t.Errorf("got %v, %v", warnings, err)
	}
	secret := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	path = write(t, "[service]\njid = a.org\npassword = $file:"+secret+"\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := config.Load(path, nil); err != nil || len(warnings) != 0 {
		t.Errorf("without a secret in it: %v, %v", warnings, err)
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := config.Load(path, nil); err != nil || !strings.Contains(warnings.String(), "everybody can read "+secret) {
		t.Errorf("with a secret's file that everybody can read: %v, %v", warnings, err)
	}
}

func TestPasswordCutByAComment(t *testing.T) {
	c, warnings, err := config.Load(write(t, "[service]\njid = a.org\npassword = abc#def\n"), nil)
	if err != nil || c.Service.Password.Reveal() != "abc" || !strings.Contains(warnings.String(), "everything from # on is a comment") {
		t.Errorf("got %v, %v", warnings, err)
	}
	load(t, "[service]\njid = a.org\npassword = abc # the secret\n")
}

func TestNoMessageShowsASecret(t *testing.T) {
	const canary = "Canary4711"
	for _, text := range []string{
		"[service]\npassword " + canary, "[service]\njid=a\n" + canary, "[service]\npassword=" + canary + "\npassword=" + canary,
		"[service]\npasswrod=" + canary, "[database]\ntype=mysql\npassword=" + canary + "\nconnectionstring=" + canary,
		"[" + canary, "password=" + canary, "[service]\npassword=" + canary + "\xff", "[proxy]\npassword=" + canary + "#x",
	} {
		path := write(t, text+"\n")
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		c, warnings, err := config.Load(path, []string{"--password=" + canary, "--service.password=" + canary, canary, "--service.passwrod=" + canary})
		if out := fmt.Sprint(c, warnings, err); strings.Contains(out, canary) {
			t.Errorf("%q: %s", text, out)
		}
	}
}
