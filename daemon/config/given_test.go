// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
)

func TestGivenCredentialsWin(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	file := filepath.Join(dir, "irc.cfg")
	for name, text := range map[string]string{
		"secret": "of the start\n", "other": "of the start\n",
		"irc.cfg": "[service]\njid = irc.example.org\nbackend = spectrum2_irc_backend\npassword = $credential:secret\nadmin_password = $credential:other\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, _, err := config.LoadGiven(file, nil, map[string]config.Secret{"secret": config.NewSecret("of now\n")})
	if err != nil || c.Service.Password.Reveal() != "of now" || c.Service.AdminPassword.Reveal() != "of the start" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, _, err := config.LoadGiven(file, nil, map[string]config.Secret{"secret": config.NewSecret("\n")}); err == nil || !strings.Contains(err.Error(), "the credential secret is empty") {
		t.Errorf("an empty one: %v", err)
	}
}

func TestSecretArgumentIsAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "irc.cfg")
	if err := os.WriteFile(file, []byte("[service]\njid = irc.example.org\nbackend = spectrum2_irc_backend\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := config.Load(file, []string{"--service.password=Canary"})
	if err != nil || !strings.Contains(warnings.String(), "list of processes") || strings.Contains(warnings.String(), "Canary") {
		t.Errorf("warnings: %v, %v", warnings, err)
	}
}
