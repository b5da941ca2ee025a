// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// pair finds the key's certificate and puts its chain in order, however the
// files have them (RFC 8446 §4.4.2 wants each followed by its issuer).
func (f *found) pair() (*loaded, error) {
	switch {
	case len(f.certs) == 0:
		return nil, errors.New("there is no certificate in it")
	case len(f.keys) == 0:
		return nil, ErrNoKey
	}
	for _, key := range f.keys {
		for _, leaf := range f.certs {
			if !samePublicKey(leaf, key) {
				continue
			}
			chain := f.chain(leaf)
			l := &loaded{tls: tls.Certificate{PrivateKey: key, Leaf: leaf}, info: describe(chain)}
			for _, c := range chain {
				l.tls.Certificate = append(l.tls.Certificate, c.Raw)
			}
			return l, nil
		}
	}
	return nil, errors.New("the key belongs to another certificate")
}

func samePublicKey(c *x509.Certificate, key crypto.Signer) bool {
	pub, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(key.Public())
}

// chain begins with leaf and leaves out roots, which clients have, and
// whatever else is in the file.
func (f *found) chain(leaf *x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for last := leaf; !isSelfSigned(last); {
		i := slices.IndexFunc(f.certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && !slices.Contains(chain, c) && last.CheckSignatureFrom(c) == nil
		})
		if i < 0 || isSelfSigned(f.certs[i]) {
			break
		}
		last = f.certs[i]
		chain = append(chain, last)
	}
	return chain
}
