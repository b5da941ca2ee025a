// SPDX-License-Identifier: GPL-2.0-or-later

package certificate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
)

func open(t *testing.T, o certificate.Options) *certificate.Store {
	t.Helper()
	s, err := certificate.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handshake is what a client sees.
func handshake(t *testing.T, s *certificate.Store, c *tls.Config) tls.ConnectionState {
	t.Helper()
	state, err := connect(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func connect(s *certificate.Store, c *tls.Config) (tls.ConnectionState, error) {
	near, far := net.Pipe()
	server := tls.Server(far, s.Config())
	done := make(chan struct{})
	go func() { defer close(done); server.Handshake(); far.Close() }()
	client := tls.Client(near, c)
	err := client.Handshake()
	near.Close()
	<-done
	return client.ConnectionState(), err
}

// shown is the fingerprint that a client that trusts everybody sees.
func shown(t *testing.T, s *certificate.Store) string {
	t.Helper()
	state := handshake(t, s, &tls.Config{InsecureSkipVerify: true})
	return certificate.Fingerprint(state.PeerCertificates[0].Raw)
}

// journal collects a log.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) count(s string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.b.String(), s)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func TestSelfSignedIsMadeOnceForTheDomain(t *testing.T) {
	var j journal
	file := filepath.Join(t.TempDir(), "selfsigned.pem")
	o := certificate.Options{Domain: "bücher.example.org", SelfSigned: file, Log: j.logger()}
	s := open(t, o)
	info := s.Info()
	if !info.SelfSigned || info.File != file || info.NotAfter.Before(time.Now().AddDate(9, 11, 0)) ||
		len(info.Names) != 1 || info.Names[0] != "xn--bcher-kva.example.org" || info.Error != "" {
		t.Errorf("made %+v", info)
	}
	if got := shown(t, s); got != info.Fingerprint || j.count("fingerprint="+got) != 1 {
		t.Errorf("clients see %s, Info has %s, the log:\n%s", got, info.Fingerprint, &j.b)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(file)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if again := open(t, o).Info().Fingerprint; again != info.Fingerprint {
		t.Errorf("another one after a restart: %s, %s", info.Fingerprint, again)
	}
	if out, err := exec.Command("openssl", "verify", "-x509_strict", "-CAfile", file, "-verify_hostname", "xn--bcher-kva.example.org", file).CombinedOutput(); err != nil {
		t.Errorf("openssl verify: %s", out)
	}
	o.Domain = "other.example.org"
	if other := open(t, o).Info(); other.Fingerprint == info.Fingerprint || other.Names[0] != o.Domain {
		t.Errorf("for another domain: %+v", other)
	}
}

func TestBrokenSelfSignedIsNotReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "selfsigned.pem")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := certificate.Open(certificate.Options{Domain: "a.org", SelfSigned: file})
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "without the file a new one is made") {
		t.Errorf("got %v", err)
	}
	_, err = certificate.Open(certificate.Options{Domain: "a.org", SelfSigned: filepath.Join(file, "x", "y")})
	if err == nil {
		t.Error("a certificate was made in a directory that is none")
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.pem")
	for _, o := range []certificate.Options{{CertFile: missing}, {CertFile: dir}, {CertFile: os.Args[0]}} {
		if _, err := certificate.Open(o); err == nil || !strings.Contains(err.Error(), o.CertFile) {
			t.Errorf("%s: %v", o.CertFile, err)
		}
	}
	if _, err := certificate.Open(certificate.Options{}); err == nil {
		t.Error("a certificate out of nothing")
	}
}

func TestOldProtocolsAndCiphersAreRefused(t *testing.T) {
	s := open(t, certificate.Options{Domain: "a.org", SelfSigned: filepath.Join(t.TempDir(), "x.pem")})
	if _, err := connect(s, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if _, err := connect(s, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}); err == nil {
		t.Error("CBC with SHA-1 is spoken")
	}
	state := handshake(t, s, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if state.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 {
		t.Errorf("TLS 1.2 with %s", tls.CipherSuiteName(state.CipherSuite))
	}
}

// TestChangedFileIsInUseWithoutARestart: the files change as an ACME client
// does it, one after the other, and by turning a link.
func TestChangedFileIsInUseWithoutARestart(t *testing.T) {
	a := newAuthority(t)
	a.server("first", "a.org")
	a.server("second", "a.org")
	a.server("third", "a.org")
	a.join("cert.pem", "first.pem")
	a.join("key.pem", "first.key")
	a.join("third-all.pem", "third.pem", "third.key")
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := open(t, certificate.Options{Domain: "a.org", CertFile: a.path("cert.pem"), KeyFile: a.path("key.pem"), Log: j.logger()})
		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() { defer close(watched); s.Watch(ctx) }()
		pass := func() { time.Sleep(31 * time.Second); synctest.Wait() }
		a.join("cert.pem", "second.pem")
		pass()
		pass()
		if got := shown(t, s); got != a.fingerprint("first.pem") || j.count("level=ERROR") != 1 || !strings.Contains(s.Info().Error, "belongs to another") {
			t.Errorf("half a pair: %s, error %q", got, s.Info().Error)
		}
		a.join("key.pem", "second.key")
		pass()
		if got := shown(t, s); got != a.fingerprint("second.pem") || s.Info().Error != "" {
			t.Errorf("the new pair: %s, error %q", got, s.Info().Error)
		}
		if err := s.Use(certificate.Options{Domain: "a.org", CertFile: a.path("missing.pem")}); err == nil {
			t.Error("a missing file is used")
		}
		link := a.path("live.pem")
		if err := os.Symlink("third-all.pem", link); err != nil {
			t.Fatal(err)
		}
		if err := s.Use(certificate.Options{Domain: "a.org", CertFile: link}); err != nil {
			t.Fatal(err)
		}
		if got := shown(t, s); got != a.fingerprint("third.pem") {
			t.Errorf("another file: %s", got)
		}
		a.join("fourth-all.pem", "first.pem", "first.key")
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		pass() // the old one serves on while there is none
		if got := shown(t, s); got != a.fingerprint("third.pem") || s.Info().Error == "" {
			t.Errorf("without a file: %s, error %q", got, s.Info().Error)
		}
		if err := os.Symlink("fourth-all.pem", link); err != nil {
			t.Fatal(err)
		}
		pass()
		if got := shown(t, s); got != a.fingerprint("first.pem") {
			t.Errorf("a turned link: %s", got)
		}
		cancel()
		<-watched
	})
}

func TestEndIsAnnouncedOnce(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "a.org")
	synctest.Test(t, func(t *testing.T) {
		// The bubble's clock begins at 2000-01-01: the certificate is of the future.
		var j journal
		s := open(t, certificate.Options{Domain: "b.org", CertFile: a.path("leaf.pem"), KeyFile: a.path("leaf.key"), Log: j.logger()})
		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() { defer close(watched); s.Watch(ctx) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if j.count("is not valid before") != 1 || j.count("is not for b.org") != 1 {
			t.Errorf("the log:\n%s", &j.b)
		}
		cancel()
		<-watched
	})
}

// TestOpenConnectionOutlivesTheCertificate: who is connected stays so.
func TestOpenConnectionOutlivesTheCertificate(t *testing.T) {
	a := newAuthority(t)
	a.server("first", "a.org")
	a.server("second", "a.org")
	a.join("all.pem", "first.pem", "between.pem", "first.key")
	s := open(t, certificate.Options{Domain: "a.org", CertFile: a.path("all.pem")})
	near, far := net.Pipe()
	server := tls.Server(far, s.Config())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.read("root.pem"))
	client := tls.Client(near, &tls.Config{RootCAs: roots, ServerName: "a.org"})
	done := make(chan error, 1)
	go func() {
		b := make([]byte, 5)
		_, err := server.Read(b)
		if err == nil {
			_, err = server.Write(b)
		}
		done <- err
	}()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	a.join("all.pem", "second.pem", "between.pem", "second.key")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(answer); err != nil || string(answer) != "hello" {
		t.Errorf("%q, %v", answer, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := shown(t, s); got != a.fingerprint("second.pem") {
		t.Errorf("new clients see %s", got)
	}
	near.Close()
	far.Close()
}

func TestPasswordOfTheConfigurationOpensPKCS12(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "a.org")
	a.run("pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:s3cr3t -out leaf.p12")
	o := certificate.Options{Domain: "a.org", CertFile: a.path("leaf.p12"), Password: config.NewSecret("s3cr3t")}
	if got := shown(t, open(t, o)); got != a.fingerprint("leaf.pem") {
		t.Errorf("got %s", got)
	}
}
