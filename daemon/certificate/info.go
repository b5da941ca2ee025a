// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Soon is how long before its end a certificate is warned of.
const Soon = 14 * 24 * time.Hour

// Info describes a certificate; it holds nothing secret.
type Info struct {
	// File is where it was read from, "" for Check.
	File string
	// Fingerprint is the SHA-256 of the certificate, in upper-case
	// hexadecimal with colons, as clients and openssl show it.
	Fingerprint         string
	NotBefore, NotAfter time.Time
	// Names are the DNS names and addresses that it is for.
	Names  []string
	Issuer string
	// Chain counts the certificates that clients are sent.
	Chain      int
	SelfSigned bool
	// Error is why the files as they are now are not in use; "" if they are.
	Error string

	leaf *x509.Certificate
	// made: it was made just now.
	made bool
}

func describe(chain []*x509.Certificate) Info {
	leaf := chain[0]
	i := Info{
		Fingerprint: Fingerprint(leaf.Raw), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		Names: slices.Clone(leaf.DNSNames), Issuer: leaf.Issuer.String(), Chain: len(chain), leaf: leaf,
		SelfSigned: isSelfSigned(leaf),
	}
	for _, ip := range leaf.IPAddresses {
		i.Names = append(i.Names, ip.String())
	}
	return i
}

// Fingerprint is how Info shows a certificate in DER.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Problems are sentences about what clients may stumble over; none is a
// reason not to serve.
func (i Info) Problems(domain string, now time.Time) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch {
	case now.Before(i.NotBefore):
		say("the certificate is not valid before %s", day(i.NotBefore))
	case now.After(i.NotAfter):
		say("the certificate has expired on %s", day(i.NotAfter))
	case i.NotAfter.Sub(now) < Soon:
		say("the certificate expires on %s", day(i.NotAfter))
	}
	if domain != "" && !i.Covers(domain) {
		say("the certificate is not for %s, but for %s", domain, i.names())
	}
	if key, ok := i.leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		say("the certificate's RSA key has %d bits: clients want 2048", key.N.BitLen())
	}
	if a := i.leaf.SignatureAlgorithm; !i.SelfSigned && (a == x509.SHA1WithRSA || a == x509.ECDSAWithSHA1) {
		say("the certificate is signed with SHA-1, which clients refuse")
	}
	if i.Chain == 1 && !i.SelfSigned && len(i.leaf.IssuingCertificateURL) > 0 {
		say("the file lacks the certificates between this one and its authority: give the whole chain (fullchain.pem)")
	}
	return list
}

// Covers reports whether clients of the domain take it, names alone.
func (i Info) Covers(domain string) bool { return i.leaf.VerifyHostname(hostOf(domain)) == nil }

func (i Info) names() string {
	if len(i.Names) == 0 {
		return "nobody"
	}
	return strings.Join(i.Names, ", ")
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// hostOf is the domain as certificates write it.
func hostOf(domain string) string {
	if host, err := idna.Lookup.ToASCII(domain); err == nil {
		return host
	}
	return strings.Trim(domain, "[]")
}

func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
