// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"maps"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
)

func TestSetValueLeavesTheRestAsItIs(t *testing.T) {
	for _, c := range []struct{ name, text, key, want string }{
		{"in its place", "# top\n[service]\njid=a.org\n  password =  old # why\nport = 1\n", "service.password", "# top\n[service]\njid=a.org\n  password =  NEW # why\nport = 1\n"},
		{"a comment at once", "[service]\npassword=old#tail\n", "service.password", "[service]\npassword=NEW #tail\n"},
		{"lines of DOS", "[service]\r\npassword = old\r\nport = 1\r\n", "service.password", "[service]\r\npassword = NEW\r\nport = 1\r\n"},
		{"no value", "[service]\npassword =\nport = 1\n", "service.password", "[service]\npassword = NEW\nport = 1\n"},
		{"dotted", "service.jid = a\nservice.password = old", "service.password", "service.jid = a\nservice.password = NEW"},
		{"value twice", "[service]\npassword = x x\n", "service.password", "[service]\npassword = NEW\n"},
		{"value like name", "[service]\npassword = password\n", "service.password", "[service]\npassword = NEW\n"},
		{"not there", "[Service] # s\njid = a\n[database]\ntype = sqlite3\n", "service.password", "[Service] # s\npassword = NEW\njid = a\n[database]\ntype = sqlite3\n"},
		{"no section", "[service]\njid = a", "database.encryption_key", "[service]\njid = a\n[database]\nencryption_key = NEW\n"},
		{"of a network", "[irc.irc.libera.chat]\nsasl = plain\n", "irc.irc.libera.chat.password", "[irc.irc.libera.chat]\npassword = NEW\nsasl = plain\n"},
		{"commented out", "[service]\n#password = old\n;password = old\n", "service.password", "[service]\npassword = NEW\n#password = old\n;password = old\n"},
	} {
		got, err := config.SetValue(c.text, c.key, "NEW")
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if back := config.RemoveKey(got, c.key); strings.Contains(back, "NEW") || strings.Count(back, "\n") < strings.Count(got, "\n")-1 {
			t.Errorf("%s: removed: %q", c.name, back)
		}
	}
	if _, err := config.SetValue("[service]\npassword=a\npassword=b\n", "service.password", "NEW"); err == nil {
		t.Error("which one was changed?")
	}
}

func TestSecretsOfAFileAreFound(t *testing.T) {
	got := config.Secrets("[service]\njid = a.org\npassword = $credential:component # c\nadmin_password = plain\ncert_password =\n[irc.a.org]\npassword = $file:/x\n")
	want := map[string]string{"service.password": "$credential:component", "service.admin_password": "", "irc.a.org.password": "$file:/x"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestSecretKeysAreKnown(t *testing.T) {
	for key, want := range map[string]bool{
		"service.password": true, "database.encryption_key": true, "database.encryption_key_old": true, "irc.irc.libera.chat.password": true,
		"service.jid": false, "service.key": false, "password": false, "logging.level": false,
	} {
		if config.IsSecret(key) != want {
			t.Errorf("%s: not %v", key, want)
		}
	}
}
