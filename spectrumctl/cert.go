// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func certCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "cert",
		Short: "Show or renew the certificate of an instance in server mode",
		Long: `Show or renew the certificate that an instance in server mode shows to clients. In
gateway mode the XMPP server's certificate counts.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usageError("cert show or cert import?") },
	}
	c.AddCommand(certShowCommand(t), certImportCommand(t))
	return c
}

func certShowCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Show the certificate, and whether it is in use",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.completeOneName,
		RunE: func(c *cobra.Command, args []string) error {
			return t.certShow(c.Context(), args[0])
		},
	}
}

// shown is what cert show prints as JSON.
type shown struct {
	Instance    string     `json:"instance"`
	File        string     `json:"file"`
	Fingerprint string     `json:"fingerprint"`
	Names       []string   `json:"names"`
	Issuer      string     `json:"issuer"`
	NotBefore   *time.Time `json:"not_before"`
	NotAfter    *time.Time `json:"not_after"`
	Chain       int        `json:"chain"`
	SelfSigned  bool       `json:"self_signed"`
	// InUse: clients of the running instance see it; nil: it does not run.
	InUse    *bool    `json:"in_use"`
	Problems []string `json:"problems"`
}

func (t *tool) certShow(ctx context.Context, name string) error {
	what := "show the certificate of " + name
	c, err := t.serverConfig(name)
	if err != nil {
		return cannot(what, err)
	}
	info, err := t.configured(c)
	s := shown{Instance: name, File: info.File, Problems: []string{}}
	used := t.usedCertificate(ctx, name)
	switch {
	case err == nil:
		s.take(info, c.Service.JID)
	case used == nil && c.Service.Cert == "" && errors.Is(err, fs.ErrNotExist):
		return cannot(what, errors.New("there is none yet")).then("a self-signed one is made at the first start: spectrumctl start %s", name)
	case used == nil:
		return cannot(what, err)
	default: // the instance can read it, and says what it is
		s.Fingerprint, s.Names, s.NotAfter, s.SelfSigned = used.Fingerprint, used.Names, &used.NotAfter, used.SelfSigned
		s.Problems = append(s.Problems, "only the instance knows more: "+err.Error())
	}
	if used != nil {
		same := used.Fingerprint == s.Fingerprint
		s.InUse = &same
		if used.Error != "" {
			s.Problems = append(s.Problems, used.Error)
		}
	}
	if t.json {
		return t.printJSON(s)
	}
	return t.printCertificate(s)
}

func (s *shown) take(i certificate.Info, domain string) {
	s.Fingerprint, s.Names, s.Issuer, s.Chain, s.SelfSigned = i.Fingerprint, i.Names, i.Issuer, i.Chain, i.SelfSigned
	s.NotBefore, s.NotAfter = &i.NotBefore, &i.NotAfter
	s.Problems = append(s.Problems, i.Problems(domain, time.Now())...)
}

func (t *tool) printCertificate(s shown) error {
	inUse := "not known: " + s.Instance + " does not run"
	if s.InUse != nil {
		inUse = "yes"
		if !*s.InUse {
			inUse = "no, clients see another one: spectrumctl reload " + s.Instance
		}
	}
	issuer := s.Issuer
	if s.SelfSigned {
		issuer = "itself (self-signed)"
	}
	chain := ""
	if s.Chain > 0 {
		chain = strconv.Itoa(s.Chain)
	}
	for _, line := range [][2]string{
		{"File", s.File}, {"For", strings.Join(s.Names, ", ")}, {"Issued by", issuer}, {"Valid from", dateOf(s.NotBefore)},
		{"Valid until", dateOf(s.NotAfter)}, {"SHA-256", s.Fingerprint}, {"Chain", chain}, {"In use", inUse},
	} {
		if line[1] != "" {
			fmt.Fprintf(t.out, "%11s: %s\n", line[0], screen.Clean(line[1]))
		}
	}
	for _, p := range s.Problems {
		fmt.Fprintf(t.out, "%s: %s\n", t.out.Paint(screen.Yellow, "    Problem"), screen.Clean(p))
	}
	return nil
}

func dateOf(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Local().Format(time.DateTime)
}

// serverConfig reads the file of an instance that has to be in server mode.
func (t *tool) serverConfig(name string) (*config.Config, error) {
	if err := t.known([]string{name}); err != nil {
		return nil, err
	}
	c, _, err := readConfig(t.fileOf(name))
	if err != nil {
		return nil, err
	}
	if !c.Service.ServerMode {
		return nil, fmt.Errorf("%s is in gateway mode: clients see the XMPP server's certificate", name)
	}
	return c, nil
}

// usedCertificate asks the instance; nil where it does not run or does not
// say.
func (t *tool) usedCertificate(ctx context.Context, name string) *api.Certificate {
	s, err := ask(ctx, t, name, "ask "+name, func(ctx context.Context, c *api.Client) (api.Status, error) { return c.Status(ctx) })
	if err != nil {
		return nil
	}
	return s.Certificate
}
