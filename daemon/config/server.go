// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"os"
	"strings"
)

// otherMode names keys that were given and are for the other mode.
func (l *loader) otherMode() {
	is, other := inGateway, inServer
	if l.cfg.Service.ServerMode {
		is, other = other, is
	}
	for _, g := range l.groups {
		if g.key != nil && g.key.only == other && !l.isDefault(g.key) {
			l.remark(g.full, "has no effect in "+is, "")
		}
	}
}

// isDefault reports whether a key says what holds without it.
func (l *loader) isDefault(k *Key) bool {
	values := k.get(l.cfg)
	return len(values) == 0 || values[0] == k.defaultValue(l.cfg.Service.ServerMode, l.cfg.Service.JID)
}

// server checks what server mode needs.
func (l *loader) server() {
	l.certificate()
	l.ports()
	l.administrators()
	c := l.cfg
	if c.Database.Type == "none" {
		for _, key := range []string{"archive.days", "archive.rooms"} {
			if c.IsSet(key) {
				l.remark(key, "has no effect without a database", "type = sqlite3 in [database]")
			}
		}
	}
}

// certificate looks whether the files can be opened; what is in them, package
// certificate judges. Whoever is not the instance may not be able to.
func (l *loader) certificate() {
	s := &l.cfg.Service
	if s.Key != "" && s.Cert == "" {
		l.blame("service.key", "is the key of no certificate", "cert = the certificate's file")
	}
	if s.CertPassword.IsSet() && s.Cert == "" {
		l.remark("service.cert_password", "has no effect without service.cert", "")
	}
	if l.inspect {
		return
	}
	l.readable("service.cert", s.Cert)
	l.readable("service.key", s.Key)
}

func (l *loader) readable(key, file string) {
	if file == "" {
		return
	}
	if err := canRead(file); err != nil {
		l.blame(key, shortPathError(err).Error(), fmt.Sprintf(
			"a file that the service can read (spectrumctl cert import %s CERT KEY makes one)", l.cfg.Instance))
	}
}

// canRead never waits, as opening a pipe would.
func canRead(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("cannot read %s: it is no file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return f.Close()
}

// ports refuses two listeners on one port.
func (l *loader) ports() {
	s := &l.cfg.Service
	taken := map[int]string{}
	for _, p := range []struct {
		key  string
		port int
	}{
		{"service.port", s.Port}, {"service.tls_port", s.TLSPort},
		{"service.websocket_port", s.WebSocketPort}, {"service.backend_port", s.BackendPort},
	} {
		switch other := taken[p.port]; {
		case p.port == 0:
		case other != "":
			l.blame(p.key, fmt.Sprintf("%d is the port of %s, too", p.port, other), "another port")
		default:
			taken[p.port] = p.key
		}
	}
}

// administrators warns of those who cannot log in.
func (l *loader) administrators() {
	s := &l.cfg.Service
	switch {
	case len(s.AdminJID) > 0 && !s.AdminPassword.IsSet() && !l.blamed("service.admin_password"):
		l.remark("service.admin_jid", "cannot log in without service.admin_password", "admin_password = $file:PATH")
	case len(s.AdminJID) == 0 && s.AdminPassword.IsSet():
		l.remark("service.admin_password", "has no effect without service.admin_jid", "admin_jid = admin@"+s.JID)
	}
	for _, admin := range s.AdminJID {
		if local, domain, _ := strings.Cut(admin, "@"); domain != s.JID && s.JID != "" {
			l.remark("service.admin_jid", quoted(admin)+" cannot log in: in server mode all accounts are of "+s.JID, local+"@"+s.JID)
		}
	}
}
