// SPDX-License-Identifier: GPL-2.0-or-later

package irctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// ergoVersion is the version of Ergo (2.13) that the tests use; it is not in
// the checksum database.
const ergoVersion = "v1.2.1-0.20240114224234-d97e964b35a2"

// StartErgo starts Ergo, the server with the fullest IRCv3: SASL, accounts,
// echo-message, labeled-response, MONITOR.
func StartErgo(t testing.TB, o Options) *Server {
	t.Helper()
	path := ergo(t)
	s := newServer(t, o)
	listeners := fmt.Sprintf("        \"127.0.0.1:%d\": {}\n", s.Port)
	if o.TLS {
		listeners += fmt.Sprintf("        \"127.0.0.1:%d\":\n            tls: {cert: cert.pem, key: key.pem}\n", s.TLSPort)
	}
	nickLen := o.NickLen
	if nickLen == 0 {
		nickLen = 30
	}
	conf := s.file("ircd.yaml", fmt.Sprintf(ergoConfig, Name, listeners, nickLen))
	s.file("ircd.motd", "Welcome\n")
	for _, args := range [][]string{{"initdb"}, {"mkcerts"}} {
		cmd := exec.Command(path, append(args, "--conf", conf, "--quiet")...)
		cmd.Dir = s.dir
		if out, err := cmd.CombinedOutput(); err != nil && args[0] == "initdb" {
			t.Fatalf("prepare ergo: %v\n%s", err, out)
		}
	}
	s.run(path, "run", "--conf", conf)
	for name, password := range o.Accounts {
		c := Dial(t, s.Addr(), name)
		c.Send("PRIVMSG NickServ :REGISTER %s", password)
		c.Expect("Account created")
		c.Send("QUIT")
		c.Expect("ERROR")
	}
	return s
}

const ergoConfig = `network:
    name: TestNet
server:
    name: %s
    listeners:
%s    casemapping: ascii
    enforce-utf8: false
    lookup-hostnames: false
    forward-confirm-hostnames: false
    check-ident: false
    relaymsg: {enabled: false}
    max-sendq: 16M
    motd: ircd.motd
    ip-limits: {count: false, throttle: false}
    ip-cloaking: {enabled: false}
    secure-nets: ["127.0.0.1"]
    compatibility: {force-trailing: true, send-unprefixed-sasl: true, allow-truncation: true}
accounts:
    authentication-enabled: true
    registration:
        enabled: true
        allow-before-connect: true
        throttling: {enabled: false}
        bcrypt-cost: 4
        email-verification: {enabled: false}
    login-throttling: {enabled: false}
    nick-reservation:
        enabled: true
        additional-nick-limit: 0
        method: optional
        allow-custom-enforcement: false
        guest-nickname-format: "Guest-*"
    multiclient: {enabled: false, allowed-by-default: false, always-on: disabled, auto-away: disabled}
channels:
    default-modes: +nt
    max-channels-per-client: 100
    operator-only-creation: false
    registration: {enabled: true, max-channels-per-account: 15}
datastore:
    path: ircd.db
    autoupgrade: true
languages: {enabled: false}
limits:
    nicklen: %d
    identlen: 20
    realnamelen: 150
    channellen: 64
    awaylen: 390
    kicklen: 390
    topiclen: 390
    monitor-entries: 100
    whowas-entries: 100
    chan-list-modes: 100
    registration-messages: 1024
    multiline: {max-bytes: 4096, max-lines: 100}
fakelag: {enabled: false}
history: {enabled: false}
logging:
    - method: stderr
      type: "*"
      level: info
`

var ergoOnce sync.Mutex

// ergo builds the server once for all tests and keeps it in the user's cache.
func ergo(t testing.TB) string {
	t.Helper()
	ergoOnce.Lock()
	defer ergoOnce.Unlock()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "spectrum2-test", "ergo-"+ergoVersion)
	path := filepath.Join(dir, "ergo")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make the folder of ergo: %v", err)
	}
	mod := "module ergobuild\n\ngo 1.26.0\n\nrequire github.com/ergochat/ergo " + ergoVersion + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatalf("write go.mod of ergo: %v", err)
	}
	fresh := path + fmt.Sprintf(".%d", os.Getpid())
	cmd := exec.Command("go", "build", "-o", fresh, "github.com/ergochat/ergo")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GONOSUMDB="+strings.TrimSpace(os.Getenv("GONOSUMDB")+",github.com/ergochat/*"), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build ergo, which this test needs: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, path); err != nil { // whole at once: packages test in parallel
		t.Fatalf("install ergo: %v", err)
	}
	return path
}
