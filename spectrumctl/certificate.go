// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
)

// certsDir is where "cert import" puts certificates: root's to write, the
// service's to read.
const certsDir = "/etc/spectrum2/certs"

// selfSignedFile is the instance's own one in its working directory.
const selfSignedFile = "selfsigned.pem"

// maxCertificateFile bounds what is read as a certificate.
const maxCertificateFile = 1 << 20

// importedFile is the instance's certificate there, as its configuration
// names it.
func importedFile(name string) string { return filepath.Join(certsDir, name+".pem") }

// readLimited reads a certificate's file.
func readLimited(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCertificateFile+1))
	if err == nil && len(b) > maxCertificateFile {
		err = fmt.Errorf("%s is larger than %d KiB: not a certificate", file, maxCertificateFile>>10)
	}
	return b, err
}

// configured reads the certificate that the configuration names, or the one
// that the instance made. The password of PKCS#12 is followed into a file, and
// nowhere else.
func (t *tool) configured(c *config.Config) (certificate.Info, error) {
	s := c.Service
	file, key := s.Cert, s.Key
	if file == "" {
		file, key = filepath.Join(s.WorkingDir, selfSignedFile), ""
	}
	certText, err := readLimited(t.path(file))
	if err != nil {
		return certificate.Info{File: file}, err
	}
	var keyText []byte
	if key != "" {
		if keyText, err = readLimited(t.path(key)); err != nil {
			return certificate.Info{File: file}, err
		}
	}
	password := s.CertPassword
	if path, ok := strings.CutPrefix(password.Reveal(), "$file:"); ok {
		text, err := t.secretFile(t.path(path))
		if err != nil {
			return certificate.Info{File: file}, err
		}
		password = config.NewSecret(text)
	}
	info, err := certificate.Check(certText, keyText, password)
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	info.File = file
	return info, err
}

// certificateLine is a certificate in one line.
func certificateLine(c api.Certificate) string {
	line := "until " + c.NotAfter.UTC().Format(time.DateOnly)
	if len(c.Names) > 0 {
		line = "for " + strings.Join(c.Names, ", ") + " " + line
	}
	if c.SelfSigned {
		line += ", self-signed"
	}
	return line
}
