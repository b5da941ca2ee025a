// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// WithoutTLS is a setting of servers that would otherwise speak TLS with a
// certificate that they make themselves.
const WithoutTLS = "without TLS"

// withTLS puts what the server understands in WithoutTLS's place.
func (k kind) withTLS(settings []string) []string {
	if i := slices.Index(settings, WithoutTLS); i >= 0 {
		return slices.Replace(settings, i, i+1, k.noTLS...)
	}
	return settings
}

// UseTLS gives the server a certificate of its own for localhost, starts it
// again and returns the certificate's file.
func (s *Server) UseTLS(t testing.TB) string {
	t.Helper()
	cert, key := filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	err := s.writeCertificate(cert, key)
	if err == nil {
		s.Settings = slices.DeleteFunc(s.Settings, func(a string) bool { return slices.Contains(s.kind.noTLS, a) })
		s.Settings = append(s.Settings, s.kind.tls(cert, key)...)
		err = errors.Join(s.Stop(), s.Start())
	}
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (s *Server) writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(s.writePEM(certFile, "CERTIFICATE", cert, 0o644), s.writePEM(keyFile, "PRIVATE KEY", der, 0o600))
}

func (s *Server) writePEM(file, name string, der []byte, mode os.FileMode) error {
	err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}), mode)
	if err == nil && s.cred != nil {
		err = os.Chown(file, int(s.cred.Uid), int(s.cred.Gid))
	}
	return err
}
