// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
)

// server is a server mode's least configuration; what a test adds begins with
// line 4.
const server = "[service]\njid = msn.example.org\nserver_mode = 1\n"

func TestDefaultsOfServerMode(t *testing.T) {
	c := load(t, server)
	s := c.Service
	if !s.ServerMode || s.Server != "" || s.Port != 5222 || s.TLSPort != 0 || s.WebSocketPort != 0 || c.Database.Type != "none" ||
		s.MaxSessions != 0 || s.MaxSessionsPerAddress != 20 || s.MaxSessionsPerAccount != 10 || s.MoreResources {
		t.Errorf("got %#v, database %s", s, c.Database.Type)
	}
	if c.Archive.Days != 7 || !c.Archive.Rooms {
		t.Errorf("archive %+v", c.Archive)
	}
}

func TestServerModeWithEverythingHasNoWarning(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cert.pem", "key.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := load(t, server+"server = ::\nport = 443\ntls_port = 5223\nwebsocket_port = 5281\ncert = "+dir+"/cert.pem\nkey = "+dir+
		"/key.pem\ncert_password = s\nadmin_jid = admin@msn.example.org\nadmin_password = p\nmore_resources = 1\nmax_sessions = 20000\n"+
		"[database]\ntype = sqlite3\n[archive]\ndays = 30\nrooms = 0\n[registration]\nallowed_usernames = .*\nenable_public_registration = 1\n")
	if c.Service.Cert != dir+"/cert.pem" || c.Service.CertPassword.Reveal() != "s" || c.Service.AdminPassword.Reveal() != "p" ||
		c.Archive.Days != 30 || c.Archive.Rooms || c.Service.MaxSessions != 20000 || !c.Service.MoreResources {
		t.Errorf("got %#v", c.Service)
	}
}

func TestMistakesOfServerMode(t *testing.T) {
	missing, there := filepath.Join(t.TempDir(), "missing.pem"), write(t, "x")
	for _, test := range []struct{ text, want string }{
		{"cert = " + missing, `irc.cfg:4: service.cert: cannot read ` + missing + `: no such file or directory; write a file that the service can read (spectrumctl cert import irc CERT KEY`},
		{"cert = " + there + "\nkey = " + missing, `:5: service.key: cannot read ` + missing},
		{"cert = /dev/null", `:4: service.cert: cannot read /dev/null: it is no file`},
		{"key = " + there, `:4: service.key: is the key of no certificate; write cert = `},
		{"tls_port = 5222", `:4: service.tls_port: 5222 is the port of service.port, too; write another port`},
		{"tls_port = 5223\nwebsocket_port = 5223", `:5: service.websocket_port: 5223 is the port of service.tls_port, too`},
		{"backend_port = 5222", `:4: service.backend_port: 5222 is the port of service.port, too`},
		{"port = 0", `:4: service.port: "0" is not a port`},
		{"max_sessions = -1", `:4: service.max_sessions: "-1" is too small`},
		{"[database]\ntype = mysql", `:5: database.type: a database server needs the database's name`},
	} {
		t.Run(test.text, func(t *testing.T) {
			c, _, err := config.Load(write(t, server+test.text+"\n"), nil)
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || c != nil || len(mistakes) != 1 || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v, %v\nwant %s", c, err, test.want)
			}
		})
	}
}

func TestWarningsOfServerMode(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"password = x", `irc.cfg:4: service.password: has no effect in server mode`},
		{"allowed_servers = a.org", `:4: service.allowed_servers: has no effect in server mode`},
		{"cert_password = x", `:4: service.cert_password: has no effect without service.cert`},
		{"admin_password = x", `:4: service.admin_password: has no effect without service.admin_jid; write admin_jid = admin@msn.example.org`},
		{"admin_jid = me@msn.example.org", `:4: service.admin_jid: cannot log in without service.admin_password`},
		{"admin_password = x\nadmin_jid = me@example.org", `:5: service.admin_jid: "me@example.org" cannot log in: in server mode all accounts are of msn.example.org; write me@msn.example.org`},
		{"[registration]\nenable_public_registration = 0", `:5: registration.enable_public_registration: has no effect in server mode`},
		{"[registration]\nrequire_local_account = 1", `:5: registration.require_local_account: has no effect in server mode`},
		{"[registration]\nnotify_jid = a@b", `:5: registration.notify_jid: has no effect in server mode`},
		{"[gateway_responder]\nprompt = x", `:5: gateway_responder.prompt: has no effect in server mode`},
		{"[archive]\ndays = 3", `:5: archive.days: has no effect without a database; write type = sqlite3`},
		{"[vhosts]\nvhost = a.org", `:5: vhosts.vhost: has no effect: one file is one domain`},
	} {
		t.Run(test.text, func(t *testing.T) {
			_, warnings, err := config.Load(write(t, server+test.text+"\n"), nil)
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings.String(), test.want) {
				t.Errorf("got  %v (error %v)\nwant %s", warnings, err, test.want)
			}
		})
	}
}

// TestInspectDoesNotNeedTheCertificate: the generator runs before there are
// all file systems, and an administrator may not be able to read it.
func TestInspectDoesNotNeedTheCertificate(t *testing.T) {
	c, _, err := config.Inspect(write(t, server+"cert = /no/such.pem\ncert_password = $credential:x\n"), nil)
	if err != nil || c.Service.Cert != "/no/such.pem" || !c.Service.ServerMode {
		t.Errorf("%v, %v", c, err)
	}
}

func TestARunningServerTakesAllButItsPorts(t *testing.T) {
	before := load(t, server)
	after := load(t, server+"server = ::1\nport = 5322\ntls_port = 5223\nwebsocket_port = 5281\ncert = "+write(t, "c")+"\nkey = "+write(t, "k")+"\n"+
		"admin_jid = a@msn.example.org\nadmin_password = p\nmore_resources = 1\nmax_sessions = 5\nmax_sessions_per_address = 6\nmax_sessions_per_account = 7\n")
	changed, restart := config.Diff(before, after)
	if want := []string{"service.server", "service.port", "service.tls_port", "service.websocket_port"}; !slices.Equal(restart, want) {
		t.Errorf("restart for %q", restart)
	}
	if len(changed) != 12 {
		t.Errorf("changed %q", changed)
	}
}
