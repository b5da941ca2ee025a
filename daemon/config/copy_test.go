// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/config"
)

func copyOf(t interface{ Fatal(...any) }, c *config.Config) string {
	var b bytes.Buffer
	if err := c.BackendCopy(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const everything = `[service]
jid = IRC.example.org
password = Canary-password
backend = irc_backend
irc_server = a.org
irc_server = b.org:+7000
verify_certs = no
cert_password = Canary-cert
admin_password = Canary-admin
own_key = for a backend
[database]
password = Canary-database
connectionstring = Canary-connection
encryption_key = Canary-encryption
[identity]
name = Our $jid
[proxy]
type = socks5
server = proxy.org
port = 1080
password = proxy password
[purple]
Server = x
server = y
[irc.irc.libera.chat]
sasl = plain
[logging]
level.irc = debug
`

func TestBackendCopyIsReadBack(t *testing.T) {
	c, _, err := config.Load(write(t, everything), []string{"--service.own_key=has # and ; in it ", "--proxy.password= #x"})
	if err != nil {
		t.Fatal(err)
	}
	text := copyOf(t, c)
	if strings.Contains(text, "Canary") {
		t.Errorf("a secret of the main process is in\n%s", text)
	}
	back, warnings, err := config.LoadBackend(write(t, text), nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("warnings %v, error %v in\n%s", warnings, err, text)
	}
	if back.Service.JID != "irc.example.org" || back.Identity.Name != "Our IRC.example.org" || back.Service.VerifyCerts ||
		!reflect.DeepEqual(back.Service.IRCServer, c.Service.IRCServer) || back.Proxy.Password.Reveal() != " #x" || back.Proxy.Host != "proxy.org" ||
		!reflect.DeepEqual(back.Purple, c.Purple) || back.Logging.Levels["irc"] != "debug" {
		t.Errorf("got %#v", back.Service)
	}
	if got := back.Sections["service"]["own_key"]; !reflect.DeepEqual(got, []string{"has # and ; in it "}) {
		t.Errorf("own_key is %q", got)
	}
	if again := copyOf(t, back); again != text {
		t.Errorf("a copy of the copy differs:\n%s\n%s", text, again)
	}
}

// TestBackendCopyHoldsNoSecret gives every secret of the table a value and
// everything else any value.
func TestBackendCopyHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		canary := "Canary" + rapid.StringMatching(`[a-zA-Z0-9!"$%&/()=?+*~';:.,_ -]{0,20}`).Draw(t, "secret") + "end"
		text := "[service]\njid = a.org\n"
		for _, k := range config.Keys() {
			switch {
			case k.Secret && k.Section != "proxy":
				text += fmt.Sprintf("[%s]\n%s = %s\n", k.Section, k.Name, canary)
			case k.Type == config.Text && rapid.Bool().Draw(t, k.Name) && k.Full() != "service.jid":
				text += fmt.Sprintf("[%s]\n%s = %s\n", k.Section, k.Name, rapid.StringMatching(`[a-z ]{0,8}`).Draw(t, k.Full()))
			}
		}
		path := filepath.Join(dir, "irc.cfg")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, _, err := config.LoadBackend(path, nil) // it keeps what is good
		if err != nil || c.Service.Password.Reveal() != canary || c.Database.EncryptionKey.Reveal() != canary {
			t.Fatal(err, c.Service.Password.Reveal())
		}
		if out := copyOf(t, c); strings.Contains(out, "Canary") {
			t.Fatalf("a secret is in\n%s", out)
		}
		for _, e := range c.Effective() {
			if strings.Contains(e.Value, "Canary") {
				t.Fatalf("a secret is in %v", e)
			}
		}
		if out := fmt.Sprintf("%v %+v %#v %v", c, c, c, c.Sections); strings.Contains(out, "Canary") {
			t.Fatalf("a secret is in %s", out)
		}
	})
}

func TestDigestIsOfWhatABackendSees(t *testing.T) {
	base := load(t, minimal).Digest()
	for arg, same := range map[string]bool{
		"--identity.category=other": true,
		"--identity.name=other":     true,
		"--scope.memory_max=1G":     true,
		"--service.verify_certs=on": true,
		"--service.verify_certs=0":  false,
		"--purple.x=1":              false,
		"--irc.a.org.tls=1":         false,
		"--service.jid=other.org":   false,
	} {
		if (load(t, minimal, arg).Digest() == base) != same {
			t.Errorf("%s: same digest is %v", arg, !same)
		}
	}
}

func TestDiffSaysWhatNeedsARestart(t *testing.T) {
	before := load(t, minimal)
	after, _, err := config.Load(write(t, minimal+"port = 5348\nlogin_delay = 5\nadmin_jid = a@b\nirc_server = x\n[database]\nprefix = p\n[purple]\nx = 1\n[logging]\nlevel.xmpp = debug\nfile =\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	changed, restart := config.Diff(before, after)
	if want := []string{"service.port", "service.admin_jid", "service.login_delay", "service.irc_server", "database.prefix", "logging.file", "logging.level.xmpp", "purple.x"}; !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q", changed, want)
	}
	if want := []string{"service.port", "database.prefix"}; !slices.Equal(restart, want) {
		t.Errorf("restart for %q, want %q", restart, want)
	}
	if changed, restart := config.Diff(before, before); len(changed)+len(restart) != 0 {
		t.Errorf("differs from itself: %v %v", changed, restart)
	}
	changed, restart = config.Diff(before, load(t, strings.Replace(minimal, "secret", "new", 1)))
	if !slices.Equal(changed, []string{"service.password"}) || !slices.Equal(restart, changed) {
		t.Errorf("a new password: %v %v", changed, restart)
	}
	for _, key := range []string{"service.jid", "service.server_mode", "service.port", "service.backend", "database.type", "database.database"} {
		i := slices.IndexFunc(config.Keys(), func(k config.Key) bool { return k.Full() == key })
		if config.Keys()[i].Restart == "" {
			t.Errorf("%s needs no restart", key)
		}
	}
}

func TestKeepLeavesWhatNeedsARestart(t *testing.T) {
	before := load(t, minimal)
	after := load(t, minimal+"port = 5348\nlogin_delay = 5\n").Keep(before)
	if after.Service.Port != 5347 || after.Service.LoginDelay.Seconds() != 5 {
		t.Errorf("got %+v", after.Service)
	}
}

func TestEffectiveShowsEveryKeyAndNoSecret(t *testing.T) {
	c := load(t, minimal+"admin_jid = a@b\nadmin_jid = c@d\n[purple]\nX = 1\n[irc.a.org]\npassword = Canary\n[logging]\nlevel.xmpp = debug\n", "--service.port=99")
	got := map[string]config.Entry{}
	for _, e := range c.Effective() {
		got[e.Key] = e
	}
	for _, k := range config.Keys() {
		if _, ok := got[k.Full()]; !ok {
			t.Errorf("%s is not shown", k.Full())
		}
	}
	for key, want := range map[string]config.Entry{
		"service.password":       {Value: "***", Origin: c.File + ":3"},
		"service.port":           {Value: "99", Origin: "argument"},
		"service.admin_jid":      {Value: "c@d", Origin: c.File + ":5"},
		"service.login_delay":    {Value: "0", Origin: "default"},
		"purple.X":               {Value: "1", Origin: c.File + ":7"},
		"irc.a.org.password":     {Value: "***", Origin: c.File + ":9"},
		"logging.level.xmpp":     {Value: "debug", Origin: c.File + ":11"},
		"database.database":      {Value: "/var/lib/spectrum2/irc.example.org/database.sql", Origin: "default"},
		"service.admin_password": {Value: "", Origin: "default"},
	} {
		want.Key = key
		if got[key] != want {
			t.Errorf("got %+v, want %+v", got[key], want)
		}
	}
}

func TestBackendIgnoresWhatItCannotUse(t *testing.T) {
	path := write(t, "[service]\njid = a.org\nserver_mode = 1\nport = nonsense\nserver = x\n[database]\ntype = mysql\njunk\n")
	c, warnings, err := config.LoadBackend(path, []string{"--host", "127.0.0.1", "--port", "1234", "--service.backend_id=3",
		"--service.protocol", "prpl-x", "--service.backend_token_fd=5", "-v"})
	if err != nil || len(warnings) != 2 {
		t.Fatalf("warnings %v, error %v", warnings, err)
	}
	if !c.Service.ServerMode || c.Service.Port != 5222 || c.Service.Protocol != "prpl-x" {
		t.Errorf("got %#v", c.Service)
	}
	if s := c.Sections["service"]; s["backend_id"][0] != "3" || s["backend_token_fd"][0] != "5" {
		t.Errorf("sections %v", c.Sections)
	}
	if _, _, err := config.LoadBackend("/no/such.cfg", nil); err == nil {
		t.Error("a missing file")
	}
}
