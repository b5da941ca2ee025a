// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
)

// write makes irc.cfg in a directory of the test's own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "irc.cfg")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const minimal = "[service]\njid = irc.example.org\npassword = secret\n"

// load loads what has to be without mistakes and warnings.
func load(t *testing.T, text string, args ...string) *config.Config {
	t.Helper()
	c, warnings, err := config.Load(write(t, text), args)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("warnings: %v\nerror: %v", warnings, err)
	}
	return c
}

func TestFileOfTheCxxVersionLoadsUnchanged(t *testing.T) {
	text, err := os.ReadFile("testdata/cxx_gateway.cfg")
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, string(text))
	s := c.Service
	if s.JID != "icq.domain.tld" || s.Password.Reveal() != "secret" || s.Port != 5347 || s.UsersPerBackend != 10 ||
		s.BackendHost != "127.0.0.1" || s.Backend != "/usr/bin/spectrum2_libpurple_backend" ||
		s.WorkingDir != "/var/lib/spectrum2/icq.domain.tld" {
		t.Errorf("service: %+v", s)
	}
	if want := []string{"admin@domain.tld", "other@domain.tld"}; !reflect.DeepEqual(s.AdminJID, want) {
		t.Errorf("admins: %v", s.AdminJID)
	}
	if c.Database.Type != "sqlite3" || c.Database.Database != "/var/lib/spectrum2/icq.domain.tld/users.sql" || c.Database.Prefix != "icq" {
		t.Errorf("database: %+v", c.Database)
	}
	if c.Registration.Instructions != `"Enter your remote jabber JID" ; and password` {
		t.Errorf("quotes and ; belong to a value, got %q", c.Registration.Instructions)
	}
	if want := map[string][]string{"connect_server": {"talk.google.com"}, "Custom-Option": {"1"}}; !reflect.DeepEqual(c.Purple, want) {
		t.Errorf("purple: %v", c.Purple)
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, minimal)
	if c.Instance != "irc" || c.Service.Port != 5347 || c.Database.Type != "sqlite3" ||
		c.Logging.File != "/var/log/spectrum2/irc.example.org/spectrum2.log" || !c.Service.EnableXHTML ||
		c.Service.BackendDrain != time.Hour || c.Registration.LocalAccountServerTimeout != 10*time.Second ||
		c.Service.IRCIdentify != "NickServ identify $password" || c.Service.PIDFile != "/run/spectrum2/irc.example.org.pid" {
		t.Errorf("got %#v %+v", c.Service, c.Logging)
	}
	if c.IsSet("service.pidfile") || !c.IsSet("service.jid") {
		t.Error("IsSet")
	}
}

func TestArgumentsWinOverTheFile(t *testing.T) {
	c := load(t, minimal+"port = 5348\nadmin_jid = a@b\nadmin_jid = c@d\n",
		"--service.port=1234", "--service.admin_jid=e@f", "--service.jid=other.org", "--logging.level.xmpp=debug", "--irc.irc.libera.chat.tls=1")
	if c.Service.Port != 1234 || !reflect.DeepEqual(c.Service.AdminJID, []string{"e@f"}) || c.Service.WorkingDir != "/var/lib/spectrum2/other.org" {
		t.Errorf("got %+v", c.Service)
	}
	if c.Logging.Levels["xmpp"] != "debug" || c.Sections["irc.irc.libera.chat"]["tls"][0] != "1" {
		t.Errorf("levels %v, sections %v", c.Logging.Levels, c.Sections)
	}
}

// TestMistakes: each text is added to the minimal one, so that its first line
// is line 4.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"port = abc", `irc.cfg:4: service.port: "abc" is not a number; write a whole number`},
		{"port = 0", `:4: service.port: "0" is not a port; write a number from 1 to 65535`},
		{"port = 70000", `:4: service.port: "70000" is not a port`},
		{"port =", `:4: service.port: is empty`},
		{"port = 1\nport = 2", `:5: service.port: given again after line 4; write it once`},
		{"server_mode = maybe", `:4: service.server_mode: "maybe" is neither yes nor no; write 1 or 0`},
		{"backend =", `:4: service.backend: is empty`},
		{"admin_jid = a@b\nadmin_jid = not a jid", `:5: service.admin_jid: "not a jid" is not an account's JID`},
		{"allowed_servers = a@b", `:4: service.allowed_servers: "a@b" is not a domain`},
		{"users_per_backend = 0", `:4: service.users_per_backend: "0" is too small; write a number from 1 upward`},
		{"login_delay = 5s", `:4: service.login_delay: "5s" is not a time; write a whole number of seconds`},
		{"login_delay = -1", `:4: service.login_delay: "-1" is not a time`},
		{"irc_server = host:port", `:4: service.irc_server: "host:port" is not an IRC server`},
		{"frontend = slack", `:4: service.frontend: "slack" is not known; write xmpp`},
		{"web_url = files", `:4: service.web_url: "files" is not a URL`},
		{"server = https://x", `:4: service.server: "https://x" is not a host`},
		{"no equals sign", `:4: neither a section nor a key with a value; write key = value`},
		{"= 5", `:4: a value without a key`},
		{"[unclosed", `:4: not a section's name in brackets`},
		{"[]", `:4: not a section's name in brackets`},
		{"protocol = \xff", `:4: not in UTF-8`},
		{"protocol = a\x00b", `:4: has a control character`},
		{"[database]\ntype = mysql", `:5: database.type: a database server needs the database's name; write database = spectrum2`},
		{"[database]\ntype = postgresql", `:5: database.type: a database server needs the database's name`},
		{"[database]\ncluster = 1", `:5: database.cluster: several machines need a database server in common; write type = pqxx`},
		{"[database]\nlease = 1", `:5: database.lease: "1" is out of range; write a number from 3 to 600`},
		{"[database]\nnode = a b", `:5: database.node: "a b" cannot be a machine's name`},
		{"[database]\ntype = oracle", `:5: database.type: "oracle" is not known; write sqlite3, none, mysql, pqxx`},
		{"[database]\nprefix = a-b", `:5: database.prefix: "a-b" cannot begin a table's name`},
		{"[registration]\nallowed_usernames = (", `:5: registration.allowed_usernames: missing closing ): `},
		{"[registration]\nusername_mask = x", `:5: registration.username_mask: "x" has no place for the name`},
		{"[logging]\nlevel = loud", `:5: logging.level: "loud" is not known; write debug, info, warn, error`},
		{"[logging]\nlevel.xmpp = loud", `:5: logging.level.xmpp: "loud" is not a level`},
		{"[proxy]\ntype = socks5", `:5: proxy.type: a proxy needs its host and port`},
		{"[scope]\nmemory_max = lots", `:5: scope.memory_max: "lots" is not an amount of memory; write one such as 200M`},
		{"[scope]\ncpu_weight = 0", `:5: scope.cpu_weight: "0" is not a weight`},
		{"[scope]\ntasks_max = -1", `:5: scope.tasks_max: "-1" is not a limit on tasks`},
	} {
		t.Run(test.text, func(t *testing.T) {
			c, _, err := config.Load(write(t, minimal+test.text+"\n"), nil)
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if len(mistakes) != 1 {
				t.Errorf("%d mistakes: %v", len(mistakes), err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"prot = x", `irc.cfg:4: service.prot: is not a key that Spectrum 2 knows (did you mean service.protocol?)`},
		{"admin_username = x", `:4: service.admin_username: is not a key that Spectrum 2 knows`},
		{"name = x", `did you mean identity.name?`},
		{"websocket_port = 5280", `:4: service.websocket_port: has no effect in gateway mode`},
		{"idle_reconnect_time = 5", `:4: service.idle_reconnect_time: has no effect yet: moving idle users comes with a later version`},
		{"[registration]\nrequire_local_account = 1", `:5: registration.require_local_account: this version cannot check local accounts yet`},
		{"cert = x.pem", `:4: service.cert: has no effect in gateway mode`},
		{"user = www", `:4: service.user: has no effect under systemd`},
		{"[database]\ntype = none", `:5: database.type: a gateway without a database forgets its users`},
		{"[database]\nserver = db", `:5: database.server: has no effect without a database server`},
		{"[archive]\ndays = 3", `:5: archive.days: has no effect in gateway mode`},
		{"[vhosts]\nvhost = a.org\nvhost = b.org", `:6: vhosts.vhost: has no effect: one file is one domain; spectrumctl adopt`},
		{"[proxy]\nhost = h", `:5: proxy.host: has no effect without proxy.type`},
		{"[irc.irc.libera.chat]\nnonsense = 1", `:5: irc.irc.libera.chat.nonsense: is not a key`},
		{"[logging]\nconfig = /no/such/logging.cfg", `:5: logging.config: cannot read that log4cxx file`},
		{"[a]\nb = c", `:5: a.b: is not a key that Spectrum 2 knows; a backend may know it`},
	} {
		t.Run(test.text, func(t *testing.T) {
			_, warnings, err := config.Load(write(t, minimal+test.text+"\n"), nil)
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings.String(), test.want) {
				t.Errorf("got  %v (error %v)\nwant %s", warnings, err, test.want)
			}
		})
	}
}

func TestAllMistakesAreReportedInOrder(t *testing.T) {
	_, _, err := config.Load(write(t, "[service]\nport = x\nport = y\njunk\nserver_mode = 2\nadmin_jid = /\n"), []string{"--nonsense"})
	var mistakes config.Errors
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mistakes {
		got = append(got, fmt.Sprint(m.Line, " ", m.Key))
	}
	want := []string{"0 ", "0 service.jid", "2 service.port", "3 service.port", "3 service.port", "4 ", "5 service.server_mode", "6 service.admin_jid"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q\n%v", got, want, err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.cfg"): "no such file",
		dir:                               ".cfg",
		filepath.Join(dir, "My-IRC.cfg"):  `call it "my_irc"`,
	} {
		if _, _, err := config.Load(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	big := filepath.Join(dir, "big.cfg")
	if err := os.WriteFile(big, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := config.Load(big, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("big file: %v", err)
	}
}

func TestInstanceNames(t *testing.T) {
	for name, good := range map[string]string{
		"irc": "", "icq.example.org": "", "a_1": "", strings.Repeat("a", 63): "",
		"a-b": "a_b", "IRC": "irc", "": "transport", ".x": "x", "é": "transport", strings.Repeat("a", 64): strings.Repeat("a", 63), "a/b": "a_b", "_": "transport",
	} {
		err := config.CheckInstanceName(name)
		if (err == nil) != (good == "") || err != nil && !strings.HasSuffix(err.Error(), fmt.Sprintf("call it %q", good)) {
			t.Errorf("%q: %v, want %q", name, err, good)
		}
	}
}

func TestLog4cxxLevelsAreHonoured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logging.cfg")
	text := "# comment\nlog4j.rootLogger=debug, R\nlog4j.logger.SQLite3Backend=WARN\nlog4j.category.Backend = TRACE, R\nlog4j.appender.R=org.apache.log4j.RollingFileAppender\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, minimal+"[logging]\nconfig = "+path+"\n")
	if c.Logging.Level != "debug" || !reflect.DeepEqual(c.Logging.Levels, map[string]string{"store": "warn", "backend": "debug"}) {
		t.Errorf("got %+v", c.Logging)
	}
	c = load(t, minimal+"[logging]\nconfig = "+path+"\nlevel = error\nlevel.store = info\n")
	if c.Logging.Level != "error" || c.Logging.Levels["store"] != "info" {
		t.Errorf("our own levels win, got %+v", c.Logging)
	}
}

func TestKeysAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range config.Keys() {
		if k.Doc == "" || k.Type == "" || seen[k.Full()] {
			t.Errorf("%s: type %q, doc %q, again %v", k.Full(), k.Type, k.Doc, seen[k.Full()])
		}
		seen[k.Full()] = true
		if k.Secret != (k.Type == config.SecretText) {
			t.Errorf("%s: secret %v of type %s", k.Full(), k.Secret, k.Type)
		}
	}
}
