// SPDX-License-Identifier: GPL-2.0-or-later

package generator_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd/generator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// gateway is the configuration of an instance with defaults.
func gateway() *config.Config {
	c := &config.Config{Instance: "irc", File: "/etc/spectrum2/transports/irc.cfg"}
	c.Service = config.Service{JID: "irc.example.org", Server: "127.0.0.1", Port: 5347, Backend: "spectrum2_irc_backend",
		WorkingDir: "/var/lib/spectrum2/irc.example.org", PIDFile: "/run/spectrum2/irc.example.org.pid"}
	c.Database = config.Database{Type: "sqlite3", Database: "/var/lib/spectrum2/irc.example.org/database.sql"}
	c.Logging.File = "/var/log/spectrum2/irc.example.org/spectrum2.log"
	c.Backend.IncomingDir = "/var/spool/sms/incoming/"
	return c
}

func server() *config.Config {
	c := gateway()
	c.Service.ServerMode, c.Service.Server, c.Service.Port = true, "0.0.0.0", 5222
	return c
}

// text joins an instance's drop-ins and warnings for comparison.
func text(files []generator.File, warnings []string) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "==> %s\n%s", f.Path, f.Text)
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func TestFiles(t *testing.T) {
	for name, change := range map[string]func(*config.Config){
		"gateway": func(*config.Config) {},
		"paths": func(c *config.Config) {
			c.Service.WorkingDir = "/srv/spec trum/100%"
			c.Logging.File = "/var/log/elsewhere/x.log"
			c.Database.Database = "/srv/spec trum/100%/database.sql"
			c.Service.WebDirectory = `/var/www/a"b\c/`
			c.Service.PIDFile = "/var/run/other/x.pid"
		},
		"relative": func(c *config.Config) {
			c.Database.Database, c.Logging.File, c.Service.WebDirectory = "database.sql", "", ""
		},
		"refused": func(c *config.Config) {
			c.Service.WorkingDir = "/"
			c.Logging.File = "/var/log/x.log"
			c.Database.Database = "/etc/../etc/spectrum2/database.sql"
			c.Service.WebDirectory = "/home/joe/public"
			c.Service.PortFile = "/run/systemd/x"
		},
		"otherdatabase": func(c *config.Config) { c.Database = config.Database{Type: "pqxx", Database: "/not/a/path"} },
		"sms":           func(c *config.Config) { c.Service.Backend = "/usr/bin/spectrum2_smstools3_backend" },
		"server": func(c *config.Config) {
			*c = *server()
			c.Service.TLSPort, c.Service.WebSocketPort = 5223, 443
			c.Service.WorkingDir = "/srv/x"
		},
		"serverlocal": func(c *config.Config) {
			*c = *server()
			c.Service.Server, c.Service.WebSocketPort = "localhost", 5281
		},
		"servercert": func(c *config.Config) {
			*c = *server()
			c.Service.Cert, c.Service.Key = "/srv/certs/x.pem", "/home/joe/x.key"
		},
		"server6one": func(c *config.Config) { *c = *server(); c.Service.Server = "2001:db8::1" },
		"server6":    func(c *config.Config) { *c = *server(); c.Service.Server = "[::]" },
		"serverall":  func(c *config.Config) { *c = *server(); c.Service.Server = "" },
		"servername": func(c *config.Config) { *c = *server(); c.Service.Server = "xmpp.example.org" },
	} {
		t.Run(name, func(t *testing.T) {
			c := gateway()
			change(c)
			got := text(generator.Files(c))
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// transports makes a directory of configurations.
func transports(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const good = "[service]\njid = irc.example.org\npassword = $credential:component\nworking_dir = /srv/%s\n"

func TestABrokenFileHurtsNobodyElse(t *testing.T) {
	dir := transports(t, map[string]string{
		"a.cfg":         fmt.Sprintf(good, "a"),
		"broken.cfg":    "[service\n\x00",
		"empty.cfg":     "",
		"with-dash.cfg": fmt.Sprintf(good, "dash"),
		"z.cfg":         fmt.Sprintf(good, "z"),
		"notes.txt":     "not a transport",
	})
	if err := os.Mkdir(filepath.Join(dir, "directory.cfg"), 0o700); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	var log strings.Builder
	if err := generator.Run(dir, out, &log); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range []string{"a", "broken", "directory", "empty", "with-dash", "z"} {
		b, err := os.ReadFile(filepath.Join(out, "spectrum2@"+name+".service.d", "50-spectrum2-generator.conf"))
		if err == nil && strings.Contains(string(b), `ReadWritePaths="-/srv/`+name+`"`) {
			found = append(found, name)
		}
	}
	if fmt.Sprint(found) != "[a z]" {
		t.Errorf("wrote drop-ins for %v", found)
	}
	for _, name := range []string{"broken.cfg", "empty.cfg", "directory.cfg", `call it "with_dash"`} {
		if !strings.Contains(log.String(), name) {
			t.Errorf("no line about %s in:\n%s", name, &log)
		}
	}
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "<4>spectrum2-generator: ") {
			t.Errorf("line %q", line)
		}
	}
}

func TestWithoutTransportsThereIsNothing(t *testing.T) {
	out := t.TempDir()
	var log strings.Builder
	if err := generator.Run(filepath.Join(out, "missing"), out, &log); err != nil || log.Len() > 0 {
		t.Errorf("%v, log %q", err, &log)
	}
}

func TestUnwritableOutputIsAnError(t *testing.T) {
	dir := transports(t, map[string]string{"a.cfg": fmt.Sprintf(good, "a")})
	if err := generator.Run(dir, "/proc/none", &strings.Builder{}); err == nil {
		t.Error("no error")
	}
}

// TestServerModesPortsComeOfTheFile reads what is in the file, as systemd
// starts the generator.
func TestServerModesPortsComeOfTheFile(t *testing.T) {
	dir := transports(t, map[string]string{"msn.cfg": "[service]\njid = msn.example.org\nserver_mode = 1\nwebsocket_port = 80\ncert = /not/mounted/yet.pem\n"})
	out := t.TempDir()
	var log strings.Builder
	if err := generator.Run(dir, out, &log); err != nil || log.Len() > 0 {
		t.Fatalf("%v, log %q", err, &log)
	}
	for unit, want := range map[string]string{
		"spectrum2-client@msn.socket":           "[Socket]\nListenStream=\nListenStream=5222\n",
		"spectrum2-client-websocket@msn.socket": "[Socket]\nListenStream=\nListenStream=80\n",
		"spectrum2@msn.service":                 "Requires=spectrum2-client@msn.socket spectrum2-client-websocket@msn.socket\n",
	} {
		b, err := os.ReadFile(filepath.Join(out, unit+".d/50-spectrum2-generator.conf"))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v\n%s", unit, err, b)
		}
	}
	if names := generator.StaleInstances(dir, out); len(names) > 0 {
		t.Errorf("stale at once: %v", names)
	}
	text := "[service]\njid = msn.example.org\nserver_mode = 1\n"
	if err := os.WriteFile(filepath.Join(dir, "msn.cfg"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Inspect(filepath.Join(dir, "msn.cfg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "[spectrum2@msn.service.d/50-spectrum2-generator.conf spectrum2-client-websocket@msn.socket.d/50-spectrum2-generator.conf]"
	if got := fmt.Sprint(generator.Stale(c, out)); got != want {
		t.Errorf("without WebSocket: stale is %s", got)
	}
}

func TestChangesMakeTheOutputStale(t *testing.T) {
	dir := transports(t, map[string]string{"a.cfg": fmt.Sprintf(good, "a"), "b.cfg": fmt.Sprintf(good, "b"),
		"plain.cfg": "[service]\njid = plain.example.org\npassword = x\n", "broken.cfg": ""})
	out := t.TempDir()
	if got := fmt.Sprint(generator.StaleInstances(dir, out)); got != "[a b]" {
		t.Errorf("before the first run: %s", got)
	}
	if err := generator.Run(dir, out, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	if got := generator.StaleInstances(dir, out); len(got) != 0 {
		t.Errorf("after a run: %v", got)
	}
	for name, text := range map[string]string{"a.cfg": fmt.Sprintf(good, "elsewhere"), "b.cfg": "[service]\njid = b.example.org\npassword = x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(generator.StaleInstances(dir, out)); got != "[a b]" {
		t.Errorf("after changes: %s", got)
	}
	c, _, err := config.Inspect(filepath.Join(dir, "b.cfg"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(generator.Stale(c, out)); got != "[spectrum2@b.service.d/50-spectrum2-generator.conf]" {
		t.Errorf("a drop-in that should go: %s", got)
	}
}
