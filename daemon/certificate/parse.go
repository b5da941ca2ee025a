// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"spectrum.im/spectrum2/daemon/config"
)

// What callers may have other words for.
var (
	ErrPassword = errors.New("it is PKCS#12, and the password (service.cert_password) is not its")
	ErrNoKey    = errors.New("there is no key in it: add the key, or name its file in service.key")
)

// maxCertificates bounds a chain; authorities use three or four.
const maxCertificates = 32

// Check reads a certificate, PEM or PKCS#12, with its key, which is in cert
// where key is empty. The error says why the two cannot be used; whether
// clients will like them, Info.Problems says.
func Check(cert, key []byte, password config.Secret) (Info, error) {
	l, err := parse(cert, key, password)
	if err != nil {
		return Info{}, err
	}
	return l.info, nil
}

// Bundle is Check that returns both as one PEM file too: the certificate, its
// chain in order, the key.
func Bundle(cert, key []byte, password config.Secret) ([]byte, Info, error) {
	l, err := parse(cert, key, password)
	if err != nil {
		return nil, Info{}, err
	}
	text, err := encode(l.tls)
	return text, l.info, err
}

func encode(c tls.Certificate) ([]byte, error) {
	var b bytes.Buffer
	for _, der := range c.Certificate {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return b.Bytes(), nil
}

// found is what files hold, in their order.
type found struct {
	certs []*x509.Certificate
	keys  []crypto.Signer
}

func parse(cert, key []byte, password config.Secret) (*loaded, error) {
	var f found
	var err error
	if bytes.Contains(cert, []byte("-----BEGIN ")) {
		err = f.addPEM(cert)
	} else {
		err = f.addPKCS12(cert, password.Reveal())
	}
	if err != nil {
		return nil, err
	}
	if len(key) > 0 {
		f.keys = nil // the key file decides
		if err := f.addPEM(key); err != nil {
			return nil, fmt.Errorf("the key file: %w", err)
		}
	}
	return f.pair()
}

func (f *found) addPEM(text []byte) error {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if err := f.addBlock(block); err != nil {
			return err
		}
		if len(f.certs) > maxCertificates {
			return fmt.Errorf("holds more than %d certificates: not one server's", maxCertificates)
		}
	}
	return nil
}

func (f *found) addBlock(b *pem.Block) error {
	switch {
	case b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE" || b.Type == "TRUSTED CERTIFICATE":
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return fmt.Errorf("certificate %d in it cannot be read: %w", len(f.certs)+1, err)
		}
		f.certs = append(f.certs, c)
	case b.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
		return errors.New("the key is encrypted: write it without a password (openssl pkey -in FILE -out NEW), or use PKCS#12")
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		k, err := parseKey(b.Bytes)
		if err != nil {
			return err
		}
		f.keys = append(f.keys, k)
	}
	return nil
}

// parseKey says nothing of what it could not read.
func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
		return nil, errors.New("the key is of a kind that cannot sign")
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	return nil, errors.New("the key cannot be read: RSA (1024 bits at least), ECDSA and Ed25519 keys in PEM can")
}

func (f *found) addPKCS12(der []byte, password string) error {
	key, cert, more, err := pkcs12.DecodeChain(der, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return ErrPassword
	case err != nil && looksLikePKCS12(der):
		return fmt.Errorf("it is PKCS#12 that cannot be read: %w", err)
	case err != nil:
		return errors.New("it is neither PEM nor PKCS#12")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return errors.New("the key is of a kind that cannot sign")
	}
	f.certs, f.keys = append([]*x509.Certificate{cert}, more...), []crypto.Signer{signer}
	return nil
}

// looksLikePKCS12 tells by the first bytes: a DER sequence that begins with
// version 3 (RFC 7292 §4).
func looksLikePKCS12(der []byte) bool {
	return len(der) > 8 && der[0] == 0x30 && bytes.Contains(der[:8], []byte{2, 1, 3})
}
