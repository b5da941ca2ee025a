// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/control/api"
)

// oldConfig and what follows are an installation of the C++ version as its
// Debian packages and its administrator laid it out; %s are the XMPP server's
// host and port.
const oldConfig = `# ICQ, since 2012
[service]
user = spectrum-old
group = spectrum-old
jid = ` + transport + `
server = %s
port = %s
password = ` + secret + `
server_mode = 0
backend_host = localhost
users_per_backend = 10
backend = /usr/bin/spectrum2_libpurple_backend
protocol = prpl-icq
pidfile = /var/run/spectrum2/$jid.pid
portfile = /var/run/spectrum2/$jid.port
working_dir = /var/lib/spectrum2/$jid
allowed_servers = localhost
[identity]
name = Our ICQ
type = icq
[registration]
username_label = ICQ number (UIN):
[logging]
config = /etc/spectrum2/logging.cfg
backend_config = /etc/spectrum2/backend-logging.cfg
[database]
type = sqlite3
database = /var/lib/spectrum2/$jid/database.sql
prefix = icq_
`

const oldLogging = `log4j.rootLogger=info, R
log4j.appender.R=org.apache.log4j.RollingFileAppender
log4j.appender.R.File=/var/log/spectrum2/${jid}/spectrum2.log
log4j.category.component = debug
`

const oldAccounts = `<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
 <account>
  <protocol>prpl-icq</protocol>
  <name>100001</name>
  <statuses><status type='available' name='Online' active='true'><attributes/></status></statuses>
  <settings>
   <setting name='server' type='string'>` + oscartest.Host + `</setting>
   <setting name='port' type='int'>%d</setting>
   <setting name='custom_smileys' type='bool'>0</setting>
   <setting name='use_ssl' type='bool'>0</setting>
  </settings>
  <settings ui='spectrum'><setting name='auto-login' type='bool'>1</setting></settings>
 </account>
</account>
`

// oldTables are those of the C++ version on SQLite.
const oldTables = `
CREATE TABLE icq_buddies (id INTEGER PRIMARY KEY NOT NULL, user_id int(10) NOT NULL, uin varchar(255) NOT NULL, subscription varchar(20) NOT NULL, nickname varchar(255) NOT NULL, groups varchar(255) NOT NULL, flags int(4) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX user_id ON icq_buddies (user_id, uin);
CREATE TABLE icq_buddies_settings (user_id int(10) NOT NULL, buddy_id int(10) NOT NULL, var varchar(50) NOT NULL, type int(4) NOT NULL, value varchar(255) NOT NULL, PRIMARY KEY (buddy_id, var));
CREATE INDEX user_id02 ON icq_buddies_settings (user_id);
CREATE TABLE icq_users (id INTEGER PRIMARY KEY NOT NULL, jid varchar(255) NOT NULL, uin varchar(4095) NOT NULL, password varchar(255) NOT NULL, language varchar(25) NOT NULL, encoding varchar(50) NOT NULL DEFAULT 'utf8', last_login datetime, vip int(1) NOT NULL DEFAULT '0', online int(1) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX jid ON icq_users (jid);
CREATE TABLE icq_users_settings (user_id int(10) NOT NULL, var varchar(50) NOT NULL, type int(4) NOT NULL, value varchar(4095) NOT NULL, PRIMARY KEY (user_id, var));
CREATE INDEX user_id03 ON icq_users_settings (user_id);
CREATE TABLE icq_db_version (ver INTEGER NOT NULL DEFAULT '3');
INSERT INTO icq_db_version (ver) VALUES (3);
INSERT INTO icq_users (jid, uin, password, language, encoding, last_login, vip, online) VALUES
 ('romeo@localhost', '100001', 'montague', 'en', 'utf8', '2014-05-06 07:08:09', 1, 0),
 ('juliet@localhost', '100002', 'capulet', 'cs', 'cp1250', NULL, 0, 0),
 ('Upper@LocalHost', '100003', 'shout', 'en', 'utf8', NULL, 0, 1),
 ('not a jid@@', '100004', 'x', 'en', 'utf8', NULL, 0, 0);
INSERT INTO icq_users_settings (user_id, var, type, value) VALUES (1, 'stay_connected', 0, '1'), (1, 'photohash', 2, 'aabb'), (1, 'of the future', 7, 'x'), (99, 'photohash', 2, 'orphan');
INSERT INTO icq_buddies (user_id, uin, subscription, groups, nickname, flags) VALUES
 (1, '100002', 'both', 'Capulets' || char(10) || 'The "orchard" #1; ☀', 'Juliet ♥', 1), (1, '4711', 'ask', '', '', 0), (98, '1', 'both', 'gone', 'gone', 0);
INSERT INTO icq_buddies_settings (user_id, buddy_id, var, type, value) VALUES (1, 1, 'icon_hash', 2, 'ccdd'), (1, 77, 'icon_hash', 2, 'orphan');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
INSERT INTO icq_buddies (user_id, uin, subscription, groups, nickname, flags) SELECT 2, '2' || printf('%05d', i), 'both', 'Group ' || (i % 9), 'n' || i, 0 FROM n;
`

// oldSystem is a machine with the C++ version on it, as far as its files go:
// programs see them in their places, nobody else does.
type oldSystem struct {
	t    *testing.T
	root string
	bin  string
}

// spectrumID is the service's user there, oldID who the C++ version ran as.
const spectrumID, oldID = 4711, 4712

func newOldSystem(t *testing.T) *oldSystem {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test gives programs a system of their own, which takes root")
	}
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := &oldSystem{t: t, root: t.TempDir(), bin: bin}
	if err := os.Chmod(bin, 0o755); err != nil { // the service's user runs them
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", "/etc", s.root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, dir := range []string{"etc/spectrum2", "etc/systemd/system/spectrum2.service"} {
		if err := os.RemoveAll(filepath.Join(s.root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"var/lib/bin", "var/log", "run/spectrum2"} {
		if err := os.MkdirAll(filepath.Join(s.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.add("etc/passwd", fmt.Sprintf("spectrum:x:%d:%[1]d::/var/lib/spectrum2:/usr/sbin/nologin\nspectrum-old:x:%d:%[2]d::/:/bin/false\n", spectrumID, oldID))
	s.add("etc/group", fmt.Sprintf("spectrum:x:%d:\nspectrum-old:x:%d:\n", spectrumID, oldID))
	s.own("run/spectrum2", spectrumID)
	return s
}

func (s *oldSystem) path(name string) string { return filepath.Join(s.root, name) }

// put writes a file of the old user's.
func (s *oldSystem) put(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o640); err != nil {
		s.t.Fatal(err)
	}
	s.own(name, oldID)
}

func (s *oldSystem) add(name, text string) {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err == nil {
		err = os.WriteFile(s.path(name), append(b, text...), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *oldSystem) own(name string, id int) {
	s.t.Helper()
	if err := os.Chown(s.path(name), id, id); err != nil {
		s.t.Fatal(err)
	}
}

// command is a program that sees the old system's folders.
func (s *oldSystem) command(as, program string, args ...string) *exec.Cmd {
	script := fmt.Sprintf(`set -e; cd "$1"; mount --bind '%s' var/lib/bin; for d in etc var/lib var/log run; do mount --rbind $d /$d; done; shift; exec %s /var/lib/bin/"$@"`, s.bin, as)
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", s.root, program}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "RUNTIME_DIRECTORY=/run/spectrum2"}
	return cmd
}

// ctl runs spectrumctl as root there.
func (s *oldSystem) ctl(args ...string) string {
	s.t.Helper()
	out, err := s.command("", "spectrumctl", args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("spectrumctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start runs the instance as its user there.
func (s *oldSystem) start(name string) *process {
	s.t.Helper()
	p := &process{t: s.t, dir: s.root, file: s.path("etc/spectrum2/transports/" + name + ".cfg"), grown: make(chan struct{}, 1), done: make(chan struct{})}
	p.cmd = s.command(fmt.Sprintf("setpriv --reuid=%d --regid=%[1]d --clear-groups", spectrumID), "spectrum2", "/etc/spectrum2/transports/"+name+".cfg")
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	p.control = api.Dial(s.path("run/spectrum2/control.sock"))
	s.t.Cleanup(p.stop)
	return p
}

// TestAdoptedInstallation: an installation of the C++ version is taken over as
// the manual says, and its users are there.
func TestAdoptedInstallation(t *testing.T) {
	icq := oscartest.Start(t, oscartest.Options{Accounts: map[string]string{"100001": "montague", "100002": "capulet"}})
	w := newWorld(t)
	host, port, _ := strings.Cut(w.server.addr, ":")
	s := newOldSystem(t)
	s.put("etc/spectrum2/transports/Old-ICQ.cfg", fmt.Sprintf(oldConfig, host, port))
	s.put("etc/spectrum2/transports/sample.cfg.example", "[service]\n")
	s.put("etc/spectrum2/logging.cfg", oldLogging)
	s.put("etc/spectrum2/backend-logging.cfg", oldLogging)
	s.put("etc/spectrum2/manager_logging.cfg", oldLogging)
	s.put("etc/spectrum2/spectrum_manager.cfg", "[service]\nconfig_directory = /etc/spectrum2/transports/\n")
	s.put("etc/init.d/spectrum2", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: spectrum2\n# Default-Start: 2 3 4 5\n# Default-Stop: 1\n### END INIT INFO\n/usr/bin/spectrum2_manager $1\n")
	s.put("etc/systemd/system/spectrum2.service", "[Service]\nType=forking\nExecStart=/usr/bin/spectrum2_manager start\n[Install]\nWantedBy=multi-user.target\n")
	s.put("var/log/spectrum2/"+transport+"/spectrum2.log", "2014-05-06 INFO component\n")
	s.put("var/lib/spectrum2/"+transport+"/accounts.xml", fmt.Sprintf(oldAccounts, icq.Port))
	s.put("var/lib/spectrum2/"+transport+"/blist.xml", "<purple version='1.0'/>\n")
	s.put("var/lib/spectrum2_manager/html/index.shtml", "")
	database := "var/lib/spectrum2/" + transport + "/database.sql"
	s.put(database, "")
	s.own(filepath.Dir(database), oldID)
	pool, err := sql.Open("sqlite", s.path(database))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(oldTables); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.path(database))
	if err != nil {
		t.Fatal(err)
	}

	plan := s.ctl("adopt")
	for _, want := range []string{"call it old_icq", "4 users; passwords: 4 readable", "ran as the user spectrum-old", "to do: stop spectrum2.service",
		"to do: let the service read /etc/spectrum2/logging.cfg", "to do: let the service read /etc/spectrum2/backend-logging.cfg", "to do: give /var/lib/spectrum2/" + transport + " to the user spectrum", "to do: give /var/log/spectrum2/" + transport, fmt.Sprintf("purple.port = %d", icq.Port), "purple.server = " + oscartest.Host} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	if after, err := os.ReadFile(s.path(database)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("looking changed the database (%v)", err)
	}
	s.ctl("adopt", "--yes")
	if again := s.ctl("adopt"); !strings.Contains(again, "Nothing has to be done.") {
		t.Errorf("a second time: %s", again)
	}
	if out := s.ctl("check"); strings.Contains(out, "error") {
		t.Errorf("check: %s", out)
	}

	p := s.start("old_icq")
	p.expectLog("ready")
	romeo, juliet := w.user("romeo"), w.user("juliet")
	romeo.comeOnline() // his UIN and password are in the old database, the server in accounts.xml
	juliet.comeOnline()
	mark := juliet.mark()
	romeo.say("100002@"+transport, "chat", "She speaks!")
	juliet.hears(mark, "100001@"+transport, "She speaks!")
	p.stop()
	copies, _ := filepath.Glob(s.path(database) + ".before-schema-*")
	if len(copies) != 1 {
		t.Errorf("copies of the old database: %v", copies)
	}

	export := s.ctl("db", "export", "old_icq", "--with-passwords", "-o", "-")
	for _, want := range []string{
		`"jid":"romeo@localhost","name":"100001","password":"montague","language":"en","encoding":"utf8"`,
		`"vip":true`, `"photohash":"aabb"`, `"of the future":"x"`, `"stay_connected":"1"`,
		`"name":"100002","subscription":"both"`, `"groups":["Capulets","The \"orchard\" #1; ☀"]`, `"icon_hash":"ccdd"`,
		`"jid":"juliet@localhost","name":"100002","password":"capulet","language":"cs","encoding":"cp1250"`,
		`"jid":"Upper@LocalHost","name":"100003","password":"shout"`, `"jid":"not a jid@@","name":"100004"`,
		`"name":"200400","subscription":"both","nickname":"n400","groups":["Group 4"]`, `"users":4,"contacts":402`,
	} {
		if !strings.Contains(export, want) {
			t.Errorf("the export lacks %s", want)
		}
	}
	if strings.Contains(export, "orphan") || strings.Contains(p.log(), "log4cxx") {
		t.Error("what belongs to nobody is exported, or the old log's levels are not read")
	}
	if t.Failed() {
		t.Logf("the export:\n%.3000s\nthe log:\n%s", export, p.log())
	}
}
