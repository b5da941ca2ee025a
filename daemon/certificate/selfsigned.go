// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"spectrum.im/spectrum2/daemon/config"
)

// selfSigned reads the certificate that was made earlier, and makes one where
// there is none or where it is for another domain or over.
func selfSigned(file, domain string) (*loaded, error) {
	text, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSelfSigned(file, domain)
	}
	if err != nil {
		return nil, fmt.Errorf("read the self-signed certificate %s: %w", file, err)
	}
	l, err := parse(text, nil, config.Secret{})
	if err != nil {
		return nil, fmt.Errorf("read the self-signed certificate %s: %w; without the file a new one is made", file, err)
	}
	if l.info.SelfSigned && (time.Now().After(l.info.NotAfter) || l.info.leaf.VerifyHostname(hostOf(domain)) != nil) {
		return makeSelfSigned(file, domain)
	}
	l.info.File = file
	return l, nil
}

func makeSelfSigned(file, domain string) (*loaded, error) {
	c, err := newSelfSigned(domain, time.Now())
	if err == nil {
		var text []byte
		if text, err = encode(c); err == nil {
			err = writeFile(file, text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make a self-signed certificate: %w", err)
	}
	l := &loaded{tls: c, info: describe([]*x509.Certificate{c.Leaf})}
	l.info.File, l.info.made = file, true
	return l, nil
}

// newSelfSigned makes an ECDSA P-256 certificate for ten years.
func newSelfSigned(domain string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		// A name of its own: it is no authority, and must not look like one.
		Subject: pkix.Name{CommonName: commonName(domain), Organization: []string{"Spectrum 2, self-signed"}},
		// Clocks differ.
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip, err := netip.ParseAddr(hostOf(domain)); err == nil {
		t.IPAddresses = append(t.IPAddresses, ip.AsSlice())
	} else {
		t.DNSNames = []string{hostOf(domain)}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// commonName is at most 64 characters long (RFC 5280, ub-common-name).
func commonName(domain string) string {
	if host := hostOf(domain); len(host) <= 64 {
		return host
	}
	return "Spectrum 2"
}

// writeFile puts a secret file in its place, whole or not at all.
func writeFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
