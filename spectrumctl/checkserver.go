// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd/generator"
)

// beyond checks what the file alone does not show: what systemd can make of
// it, and the certificate.
func (r *report) beyond(t *tool, c *config.Config) {
	_, warnings := generator.Files(c)
	for _, w := range warnings {
		key, text, _ := strings.Cut(strings.TrimPrefix(w, c.File+": "), ": ")
		r.warn(c, key, text)
	}
	if c.Service.ServerMode {
		r.certificate(t, c)
	}
}

// certificate judges the configured one, as far as we can read it.
func (r *report) certificate(t *tool, c *config.Config) {
	if c.Service.Cert == "" {
		return // one is made
	}
	info, err := t.configured(c)
	switch {
	case errors.Is(err, fs.ErrPermission):
		r.warn(c, "service.cert", "you may not read it: use sudo to have it checked")
		return
	case strings.HasPrefix(c.Service.CertPassword.Reveal(), "$credential:"):
		return // the instance alone can open it
	case err != nil:
		r.OK = false
		r.Errors = append(r.Errors, problemAt(c, "service.cert", err.Error(),
			fmt.Sprintf("a certificate with its key (spectrumctl cert import %s CERT KEY puts one there)", c.Instance)))
		return
	}
	for _, p := range info.Problems(c.Service.JID, time.Now()) {
		r.warn(c, "service.cert", p)
	}
	r.readable(t, c, "service.cert", c.Service.Cert)
	r.readable(t, c, "service.key", c.Service.Key)
}

func (r *report) readable(t *tool, c *config.Config, key, file string) {
	if file == "" {
		return
	}
	if why := serviceCannotRead(t.path(file)); why != "" {
		r.warn(c, key, why+"; \"spectrumctl cert import\" copies it to where the service can read it")
	}
}

func (r *report) warn(c *config.Config, key, text string) {
	r.Warnings = append(r.Warnings, problemAt(c, key, text, ""))
}

// problemAt has the line where the key was given.
func problemAt(c *config.Config, key, text, instead string) config.Problem {
	return config.Problem{File: c.File, Line: lineOf(c, key), Key: key, Text: text, Instead: instead}
}

// clientPort is a listener of server mode.
type clientPort struct {
	key, host string
	port      int
}

func clientPorts(c *config.Config) (list []clientPort) {
	if !c.Service.ServerMode {
		return nil
	}
	host := strings.Trim(c.Service.Server, "[]")
	if host == "0.0.0.0" || host == "::" {
		host = ""
	}
	list = []clientPort{{"service.port", host, c.Service.Port}, {"service.tls_port", host, c.Service.TLSPort},
		{"service.websocket_port", host, c.Service.WebSocketPort}}
	return slices.DeleteFunc(list, func(p clientPort) bool { return p.port == 0 })
}

// findSharedPorts warns where two instances in server mode want one port.
func findSharedPorts(reports []report) {
	for i := range reports {
		r := &reports[i]
		for _, p := range r.ports {
			n := slices.IndexFunc(reports[:i], func(o report) bool { return slices.ContainsFunc(o.ports, p.shares) })
			if n < 0 {
				continue
			}
			r.Warnings = append(r.Warnings, config.Problem{File: r.File, Key: p.key,
				Text:    fmt.Sprintf("%d is a port of %s, too: only one of them can run", p.port, reports[n].File),
				Instead: "another port, or another address in service.server for each"})
		}
	}
}

// shares reports whether two listeners get in each other's way.
func (p clientPort) shares(o clientPort) bool {
	return p.port == o.port && (p.host == o.host || p.host == "" || o.host == "")
}
