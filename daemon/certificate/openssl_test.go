// SPDX-License-Identifier: GPL-2.0-or-later

package certificate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	need("openssl")
	if exec.Command("openssl", "list", "-providers", "-provider", "legacy").Run() != nil {
		need("openssl-provider-legacy") // for RC2; Debian 13 has it apart
	}
	os.Exit(m.Run())
}

func need(program string) {
	if out, err := exec.Command("../../packaging/need", program).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		os.Exit(1)
	}
}

// authority is a certification authority with a root and an intermediate
// certificate, made with openssl(1).
type authority struct {
	t   *testing.T
	dir string
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t, t.TempDir()}
	ca := "basicConstraints=critical,CA:TRUE"
	a.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj /CN=Root -addext " + ca + " -keyout root.key -out root.pem")
	a.sign("between", "root", ca, "-days 3000")
	return a
}

// run runs openssl with words, which hold no blanks.
func (a *authority) run(words string) {
	a.t.Helper()
	cmd := exec.Command("openssl", strings.Fields(words)...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %s: %v: %s", words, err, out)
	}
}

// sign makes name.key and name.pem.
func (a *authority) sign(name, by, extension, days string) {
	a.t.Helper()
	a.write(name+".ext", extension)
	a.run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=" + name + " -keyout " + name + ".key -out " + name + ".csr")
	a.run("x509 -req -in " + name + ".csr -CA " + by + ".pem -CAkey " + by + ".key -extfile " + name + ".ext " + days + " -out " + name + ".pem")
}

// server makes a server's certificate for the domain.
func (a *authority) server(name, domain string) {
	a.t.Helper()
	a.sign(name, "between", "subjectAltName=DNS:"+domain, "-days 365")
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) read(names ...string) []byte {
	a.t.Helper()
	var all []byte
	for _, name := range names {
		b, err := os.ReadFile(a.path(name))
		if err != nil {
			a.t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func (a *authority) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// join writes several files into one.
func (a *authority) join(to string, names ...string) {
	a.t.Helper()
	a.write(to, string(a.read(names...)))
}

// fingerprint is what openssl says of a file.
func (a *authority) fingerprint(name string) string {
	a.t.Helper()
	out, err := exec.Command("openssl", "x509", "-in", a.path(name), "-noout", "-fingerprint", "-sha256").Output()
	if err != nil {
		a.t.Fatal(err)
	}
	_, print, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
	return print
}
