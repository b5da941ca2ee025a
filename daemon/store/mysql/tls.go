// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tls is the configuration of Options.TLS, nil for none; plain says whether a
// server without TLS is good too.
func (o Options) tls() (c *tls.Config, plain bool, err error) {
	switch o.TLS {
	case "disable":
		return nil, false, nil
	case "", "prefer":
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, true, nil
	case "require":
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, false, nil
	case "verify-full":
		c = &tls.Config{ServerName: o.Server, MinVersion: tls.VersionTLS12}
		c.RootCAs, err = roots(o.RootCert)
		return c, false, err
	}
	return nil, false, fmt.Errorf("TLS to the database: %q is not disable, prefer, require or verify-full", o.TLS)
}

func roots(file string) (*x509.CertPool, error) {
	if file == "" || file == "system" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates for the database: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("read certificates for the database: there is none in %s", file)
	}
	return pool, nil
}
