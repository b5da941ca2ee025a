// SPDX-License-Identifier: GPL-2.0-or-later

package certificate_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/certificate"
)

// TestPipeInTheCertificatesPlaceHeldUpAReload: between the look at a file and its
// opening somebody could put a pipe there, which nobody ever writes to.
func TestPipeInTheCertificatesPlaceHeldUpAReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := certificate.Open(certificate.Options{Domain: "example.org", CertFile: file})
	if err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a pipe as certificate: %v", err)
	}
}
