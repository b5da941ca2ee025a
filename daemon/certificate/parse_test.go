// SPDX-License-Identifier: GPL-2.0-or-later

package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
)

func TestEveryNotationIsRead(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "xmpp.example.org")
	a.run("pkcs12 -export -in leaf.pem -inkey leaf.key -certfile between.pem -passout pass:s3cr3t -out modern.p12")
	a.run("pkcs12 -export -in leaf.pem -inkey leaf.key -certfile between.pem -passout pass: -out open.p12")
	a.run("pkcs12 -export -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -in leaf.pem -inkey leaf.key -certfile between.pem -passout pass:s3cr3t -out old.p12")
	a.run("pkcs12 -export -legacy -in leaf.pem -inkey leaf.key -certfile between.pem -passout pass:s3cr3t -out oldest.p12")
	a.run("ec -in leaf.key -out sec1.key")
	secret := config.NewSecret("s3cr3t")
	for _, tt := range []struct {
		name      string
		cert, key []byte
		password  config.Secret
		chain     int
	}{
		{"certificate and key", a.read("leaf.pem"), a.read("leaf.key"), config.Secret{}, 1},
		{"in one file", a.read("leaf.pem", "leaf.key"), nil, config.Secret{}, 1},
		{"the key first", a.read("leaf.key", "leaf.pem", "between.pem"), nil, config.Secret{}, 2},
		{"a key of openssl ec", a.read("leaf.pem"), a.read("sec1.key"), config.Secret{}, 1},
		{"with its chain", a.read("leaf.pem", "between.pem"), a.read("leaf.key"), config.Secret{}, 2},
		{"the chain upside down, with the root", a.read("root.pem", "between.pem", "leaf.pem"), a.read("leaf.key"), config.Secret{}, 2},
		{"PKCS#12", a.read("modern.p12"), nil, secret, 2},
		{"PKCS#12 without a password", a.read("open.p12"), nil, config.Secret{}, 2},
		{"PKCS#12 with 3DES", a.read("old.p12"), nil, secret, 2},
		{"PKCS#12 with RC2", a.read("oldest.p12"), nil, secret, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info, err := certificate.Check(tt.cert, tt.key, tt.password)
			if err != nil {
				t.Fatal(err)
			}
			if info.Fingerprint != a.fingerprint("leaf.pem") || info.Chain != tt.chain || info.SelfSigned ||
				!slices.Equal(info.Names, []string{"xmpp.example.org"}) {
				t.Errorf("got %+v, openssl says %s", info, a.fingerprint("leaf.pem"))
			}
			text, _, err := certificate.Bundle(tt.cert, tt.key, tt.password)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(text, text)
			if err != nil || len(pair.Certificate) != tt.chain {
				t.Errorf("the bundle: %d certificates, %v", len(pair.Certificate), err)
			}
		})
	}
}

func TestClientsTrustTheChainInAnyOrder(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "xmpp.example.org")
	a.join("all.pem", "root.pem", "leaf.key", "between.pem", "leaf.pem")
	s := open(t, certificate.Options{Domain: "xmpp.example.org", CertFile: a.path("all.pem")})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.read("root.pem"))
	state := handshake(t, s, &tls.Config{RootCAs: roots, ServerName: "xmpp.example.org"})
	if len(state.PeerCertificates) != 2 || state.Version != tls.VersionTLS13 {
		t.Errorf("%d certificates, version %x", len(state.PeerCertificates), state.Version)
	}
}

func TestWhatCannotBeUsedIsNamed(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "xmpp.example.org")
	a.server("other", "xmpp.example.org")
	a.run("pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:s3cr3t -out leaf.p12")
	a.run("pkcs12 -export -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -in leaf.pem -inkey leaf.key -passout pass:s3cr3t -out old.p12")
	a.run("pkcs8 -topk8 -in leaf.key -passout pass:s3cr3t -out encrypted.key")
	a.run("ec -in leaf.key -aes128 -passout pass:s3cr3t -out proctype.key")
	p12 := a.read("leaf.p12")
	broken := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("canary")})
	for _, tt := range []struct {
		name      string
		cert, key []byte
		password  string
		want      string
	}{
		{"the key of another", a.read("leaf.pem"), a.read("other.key"), "", "the key belongs to another certificate"},
		{"the chain's key alone", a.read("leaf.pem", "root.key"), nil, "", "the key belongs to another certificate"},
		{"no key", a.read("leaf.pem"), nil, "", "there is no key in it"},
		{"no certificate", a.read("leaf.key"), nil, "", "there is no certificate in it"},
		{"an encrypted key", a.read("leaf.pem"), a.read("encrypted.key"), "", "write it without a password (openssl pkey"},
		{"one encrypted the old way", a.read("leaf.pem"), a.read("proctype.key"), "", "write it without a password (openssl pkey"},
		{"no key at all", a.read("leaf.pem"), broken, "", "the key cannot be read"},
		{"a cut certificate", a.read("leaf.pem")[:200], nil, "", "there is no certificate in it"},
		{"no password", p12, nil, "", "it is PKCS#12, and the password (service.cert_password) is not its"},
		{"a wrong password", p12, nil, "canary", "the password (service.cert_password) is not its"},
		{"a wrong one of an old file", a.read("old.p12"), nil, "canary", "the password (service.cert_password) is not its"},
		{"half a PKCS#12", p12[:len(p12)/2], nil, "s3cr3t", "it is PKCS#12 that cannot be read"},
		{"something else", []byte("hello"), nil, "", "neither PEM nor PKCS#12"},
		{"nothing", nil, nil, "", "neither PEM nor PKCS#12"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := certificate.Check(tt.cert, tt.key, config.NewSecret(tt.password))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("a secret is in %v", err)
			}
		})
	}
}

func TestProblemsAreWhatClientsStumbleOver(t *testing.T) {
	a := newAuthority(t)
	a.server("leaf", "xmpp.example.org")
	a.sign("public", "between", "subjectAltName=DNS:*.example.org\nauthorityInfoAccess=caIssuers;URI:http://ca.example/x", "-days 365")
	a.run("req -x509 -newkey rsa:1024 -noenc -days 365 -subj /CN=weak -addext subjectAltName=IP:192.0.2.1 -keyout weak.key -out weak.pem")
	now := time.Now()
	for _, tt := range []struct {
		file, domain string
		at           time.Time
		want         []string
	}{
		{"leaf", "xmpp.example.org", now, nil},
		{"leaf", "other.example.org", now, []string{"not for other.example.org, but for xmpp.example.org"}},
		{"leaf", "xmpp.example.org", now.AddDate(0, 0, 360), []string{"expires on "}},
		{"leaf", "xmpp.example.org", now.AddDate(2, 0, 0), []string{"has expired on "}},
		{"leaf", "xmpp.example.org", now.AddDate(-1, 0, 0), []string{"is not valid before "}},
		{"public", "msn.example.org", now, []string{"give the whole chain (fullchain.pem)"}},
		{"weak", "192.0.2.1", now, []string{"RSA key has 1024 bits"}},
	} {
		info, err := certificate.Check(a.read(tt.file+".pem"), a.read(tt.file+".key"), config.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		got := info.Problems(tt.domain, tt.at)
		if len(got) != len(tt.want) || len(got) > 0 && !strings.Contains(got[0], tt.want[0]) {
			t.Errorf("%s for %s: %q, want %q", tt.file, tt.domain, got, tt.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"), "x")
	f.Add([]byte{0x30, 0x06, 2, 1, 3, 0x30, 1, 0}, []byte(nil), "")
	f.Fuzz(func(t *testing.T, cert, key []byte, password string) {
		info, err := certificate.Check(cert, key, config.NewSecret(password))
		if (err == nil) != (info.Fingerprint != "") {
			t.Errorf("%+v, %v", info, err)
		}
	})
}
