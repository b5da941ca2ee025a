// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

// certImport is one run of "cert import".
type certImport struct {
	name, cert, key string
	passwordFile    string
	force, quiet    bool
}

func certImportCommand(t *tool) *cobra.Command {
	var i certImport
	c := &cobra.Command{
		Use:   "import NAME CERT [KEY]",
		Short: "Put a certificate where the service can read it, and use it",
		Long: `Look whether a certificate, PEM with its chain or PKCS#12, and its key fit each other
and the instance's domain, put both into /etc/spectrum2/certs/NAME.pem, name that
file in the configuration where it names none, and have a running instance use
it; no client is disconnected. To be run again whenever the certificate was
renewed, for example by an ACME client; what is in use already is left alone.`,
		Example: `  spectrumctl cert import msn /etc/letsencrypt/live/msn.example.org/fullchain.pem \
      /etc/letsencrypt/live/msn.example.org/privkey.pem
  spectrumctl cert import msn msn.p12 --password-file -`,
		Args: cobra.RangeArgs(2, 3),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return t.complete(nil), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(c *cobra.Command, args []string) error {
			i.name, i.cert = args[0], args[1]
			if len(args) == 3 {
				i.key = args[2]
			}
			return t.certImport(c.Context(), i)
		},
	}
	f := c.Flags()
	f.StringVar(&i.passwordFile, "password-file", "", "`file` with the password of PKCS#12 in its first line, \"-\" for standard input")
	f.BoolVar(&i.force, "force", false, "take it even if it has expired or is for another domain")
	f.BoolVarP(&i.quiet, "quiet", "q", false, "say nothing unless something is wrong")
	return c
}

func (t *tool) certImport(ctx context.Context, i certImport) error {
	what := "import the certificate of " + i.name
	c, err := t.serverConfig(i.name)
	if err != nil {
		return cannot(what, err)
	}
	if err := otherCertificate(c); err != nil {
		return cannot(what, err).then("take %s out of %s, or have them lead to %s", "service.cert and service.key", c.File, importedFile(i.name))
	}
	text, info, err := t.bundle(i)
	if err != nil {
		return cannot(what, err)
	}
	if err := t.judge(info, c.Service.JID, i.force); err != nil {
		return cannot(what, err).then("--force takes it all the same")
	}
	changed, err := t.install(importedFile(i.name), text)
	if err != nil {
		return cannot(what, err)
	}
	if c.Service.Cert == "" {
		if err := t.nameCertificate(c, importedFile(i.name)); err != nil {
			return cannot(what, err).then("the file is in place: write cert = %s into %s, then: spectrumctl reload %s", importedFile(i.name), c.File, i.name)
		}
		changed = true
	}
	return t.putToUse(ctx, i, info, changed)
}

// otherCertificate refuses to write what the configuration would not use.
func otherCertificate(c *config.Config) error {
	s, ours := c.Service, importedFile(c.Instance)
	switch {
	case s.Cert != "" && s.Cert != ours:
		return fmt.Errorf("%s says that its certificate is %s, and not %s", c.File, s.Cert, ours)
	case s.Key != "" && s.Key != ours:
		return fmt.Errorf("%s says that its key is %s, and not in %s", c.File, s.Key, ours)
	}
	return nil
}

// bundle reads the files that were given.
func (t *tool) bundle(i certImport) ([]byte, certificate.Info, error) {
	cert, err := readLimited(i.cert)
	if err != nil {
		return nil, certificate.Info{}, err
	}
	key, err := readLimited(i.key)
	if err != nil {
		return nil, certificate.Info{}, err
	}
	if i.key != "" && len(key) == 0 {
		return nil, certificate.Info{}, fmt.Errorf("%s is empty", i.key)
	}
	var password config.Secret
	if i.passwordFile != "" {
		text, err := t.secretFile(i.passwordFile)
		if err != nil {
			return nil, certificate.Info{}, err
		}
		password = config.NewSecret(text)
	}
	text, info, err := certificate.Bundle(cert, key, password)
	switch {
	case errors.Is(err, certificate.ErrPassword) && i.passwordFile == "":
		err = errors.New("it is PKCS#12 and has a password: --password-file names a file with it")
	case errors.Is(err, certificate.ErrNoKey):
		err = errors.New("there is no key in it: name the key's file, too")
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", i.cert, err)
	}
	return text, info, err
}

// judge refuses what no client takes, and warns of the rest.
func (t *tool) judge(info certificate.Info, domain string, force bool) error {
	now := time.Now()
	problems := info.Problems(domain, now)
	if useless := now.After(info.NotAfter) || !info.Covers(domain); useless && !force {
		return errors.New(strings.Join(problems, "; "))
	}
	for _, p := range problems {
		fmt.Fprintln(t.err, t.err.Paint(screen.Yellow, "spectrumctl: warning: ")+screen.Clean(p))
	}
	return nil
}

// install puts the certificate in its place and reports whether it is another
// one than before.
func (t *tool) install(file string, text []byte) (bool, error) {
	path := t.path(file)
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
		return false, nil
	}
	if err := makeCertsDir(filepath.Dir(path)); err != nil {
		return false, err
	}
	note, err := writeConfig(path, string(text), true)
	if note != "" {
		fmt.Fprintln(t.err, t.err.Paint(screen.Yellow, "spectrumctl: warning: ")+note)
	}
	return true, err
}

// makeCertsDir makes the folder where it is missing, for the service to pass
// whatever the caller's umask is.
func makeCertsDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// putToUse has a running instance read it, and looks whether it does.
func (t *tool) putToUse(ctx context.Context, i certImport, info certificate.Info, changed bool) error {
	say := func(text string) error {
		if i.quiet && !t.json {
			return nil
		}
		return t.showOutcomes([]string{i.name}, []outcome{{Text: text + " (SHA-256 " + info.Fingerprint + ")"}})
	}
	used := t.usedCertificate(ctx, i.name)
	if used != nil && used.Fingerprint == info.Fingerprint && !changed {
		return say("this certificate is in use already")
	}
	what := "have " + i.name + " use its new certificate"
	_, err := ask(ctx, t, i.name, what, t.askReload(i.name))
	until := info.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case errors.Is(err, api.ErrNotRunning):
		return say("certificate until " + until + " in place, for the next start")
	case err != nil:
		return err
	}
	if used = t.usedCertificate(ctx, i.name); used != nil && used.Fingerprint != info.Fingerprint {
		reason := used.Error
		if reason == "" {
			reason = "it still uses the one with the SHA-256 " + used.Fingerprint
		}
		return cannot(what, errors.New(reason))
	}
	return say("certificate until " + until + " in use")
}
