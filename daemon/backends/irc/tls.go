// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// errFingerprint: the server's certificate is not one of the configured.
var errFingerprint = errors.New("the certificate's fingerprint is not the configured one")

// tlsConfig is how the network's server is to be checked: by fingerprint
// where one is configured, else against the system's authorities, else (with
// service.verify_certs=0) not at all.
func (s *settings) tlsConfig(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if s.clientCert != "" {
		pair, err := tls.LoadX509KeyPair(s.clientCert, s.clientCert)
		if err != nil {
			return nil, fmt.Errorf("load client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	switch {
	case len(s.fingerprints) > 0:
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 && slices.ContainsFunc(s.fingerprints, fingerprintOf(state.PeerCertificates[0])) {
				return nil
			}
			return errFingerprint
		}
	case !s.verify:
		c.InsecureSkipVerify = true
	}
	return c, nil
}

// normalFingerprint takes "sha256:AA:BB…" or "aabb…" to plain hexadecimal.
func normalFingerprint(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, name := range []string{"sha1", "sha256", "sha512"} {
		text = strings.TrimPrefix(text, name)
	}
	return strings.NewReplacer(":", "", "=", "", " ", "").Replace(text)
}

// fingerprintOf compares with the certificate's digest of the same length.
func fingerprintOf(cert *x509.Certificate) func(string) bool {
	return func(want string) bool {
		sum, err := hex.DecodeString(want)
		if err != nil {
			return false
		}
		one, two, five := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw), sha512.Sum512(cert.Raw)
		return bytes.Equal(sum, one[:]) || bytes.Equal(sum, two[:]) || bytes.Equal(sum, five[:])
	}
}

// dialError says what went wrong with a connection in the protocol's codes,
// so that a bad certificate is told from a server that is away.
func dialError(e endpoint, err error) *backend.Error {
	out := &backend.Error{Code: pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, Text: "Cannot connect to " + e.String(), Err: err}
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		closed  errNotPublic
	)
	switch {
	case errors.As(err, &closed):
		out.Code, out.Text = notPublic(e)
	case errors.Is(err, errFingerprint):
		out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_FINGERPRINT_MISMATCH
		out.Text = "The certificate of " + e.host + " does not have the configured fingerprint"
	case errors.As(err, &unknown):
		out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_UNTRUSTED
		if c := unknown.Cert; c != nil && bytes.Equal(c.RawIssuer, c.RawSubject) {
			out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_SELF_SIGNED
		}
		out.Text = "The certificate of " + e.host + " is signed by nobody known here"
	case errors.As(err, &host):
		out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_HOSTNAME_MISMATCH
		out.Text = "The certificate that " + e.host + " showed is for another name"
	case errors.As(err, &invalid):
		out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_OTHER_ERROR
		if invalid.Reason == x509.Expired {
			out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_CERT_EXPIRED
		}
		out.Text = "The certificate of " + e.host + " is not valid"
	case errors.As(err, &record):
		out.Code = pbnetwork.ConnectionError_CONNECTION_ERROR_NO_SSL_SUPPORT
		out.Text = "There is no TLS on " + e.address()
	}
	return out
}
