// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"os"
	"strings"

	"mellium.im/xmpp/jid"
)

// finish looks at what several keys say together, and at the file itself.
func (l *loader) finish() {
	c := l.cfg
	if c.Database.Type == "postgresql" {
		c.Database.Type = "pqxx"
	}
	c.normalJIDs()
	l.log4cxx()
	if l.lenient {
		return
	}
	if c.Service.JID == "" && !l.blamed("service.jid") {
		l.fail(Problem{File: l.file, Key: "service.jid", Text: "is missing", Instead: "jid = irc.example.org, for example, in the section [service]"})
	}
	l.databaseNamed()
	l.noEffect()
	l.otherMode()
	if c.Service.ServerMode {
		l.server()
	}
	l.pairs()
	l.permissions()
}

// normalJIDs writes the domain and the JIDs in their normal form.
func (c *Config) normalJIDs() {
	normal := func(s *string) {
		if j, err := jid.Parse(*s); err == nil {
			*s = j.String()
		}
	}
	normal(&c.Service.JID)
	for _, list := range [][]string{c.Service.AllowedServers, c.Service.AdminJID, c.Registration.NotifyJID, c.VHosts} {
		for i := range list {
			normal(&list[i])
		}
	}
}

// databaseNamed sees to it that a database is named where one is used.
func (l *loader) databaseNamed() {
	c := l.cfg
	switch c.Database.Type {
	case "mysql", "pqxx":
		if !c.IsSet("database.database") && c.Database.ConnectionString.Reveal() == "" {
			l.blame("database.type", "a database server needs the database's name", "database = spectrum2")
		}
	case "none":
		if !c.Service.ServerMode {
			l.remark("database.type", "a gateway without a database forgets its users at every restart", "type = sqlite3")
		}
	}
}

// noEffect names what existing files say that holds no more.
func (l *loader) noEffect() {
	c := l.cfg
	if c.Database.Type != "mysql" && c.Database.Type != "pqxx" {
		for _, key := range []string{"server", "port", "user", "password", "connectionstring", "vip_statement", "tls", "tls_ca", "node", "lease"} {
			if c.IsSet("database." + key) {
				l.remark("database."+key, "has no effect without a database server (database.type)", "")
			}
		}
	}
	if c.Database.Cluster && c.Database.Type != "mysql" && c.Database.Type != "pqxx" {
		l.blame("database.cluster", "several machines need a database server in common", "type = pqxx")
	}
	if len(c.VHosts) > 0 {
		l.remark("vhosts.vhost", "has no effect: one file is one domain; spectrumctl adopt writes a file for each of them", "")
	}
	if c.Service.User != "" && c.Service.User != "spectrum" {
		l.remark("service.user", "has no effect under systemd: the unit decides which user it is", "")
	}
	if c.Service.Group != "" && c.Service.Group != "spectrum" {
		l.remark("service.group", "has no effect under systemd: the unit decides which group it is", "")
	}
}

// pairs checks keys that make sense with another one only.
func (l *loader) pairs() {
	c := l.cfg
	if c.Proxy.Type != "" && (c.Proxy.Host == "" || c.Proxy.Port == 0) {
		l.blame("proxy.type", "a proxy needs its host and port", "host and port in [proxy] too")
	}
	if c.Proxy.Type == "" && c.Proxy.Host != "" {
		l.remark("proxy.host", "has no effect without proxy.type", "type = http, socks4 or socks5 in [proxy]")
	}
	if !c.Service.ServerMode && !c.Service.Password.IsSet() && !l.blamed("service.password") {
		l.remark("service.password", "is empty: the XMPP server will refuse the component", "password = the secret that the XMPP server has for it")
	}
	if c.Registration.RequireLocalAccount && !c.Service.ServerMode {
		l.remark("registration.require_local_account", "this version cannot check local accounts yet, so nobody but administrators can register", "require_local_account = 0, and allowed_servers")
	}
	if c.Service.VIPMessage != "" && !c.Service.VIPOnly {
		l.remark("service.vip_message", "has no effect without service.vip_only", "vip_only = 1")
	}
	if c.Service.WebDirectory != "" && c.Service.WebURL == "" {
		l.remark("service.web_directory", "has no effect without service.web_url", "web_url = the URL under which the directory can be reached")
	}
}

// permissions warns of a file that holds a secret and that everybody reads.
func (l *loader) permissions() {
	info, err := os.Stat(l.file)
	if err != nil || !l.private || info.Mode().Perm()&0o004 == 0 {
		return
	}
	l.warn(Problem{File: l.file, Text: "everybody can read this file, and it holds a secret; chmod 0640 it and make its group spectrum, or keep the secret elsewhere ($credential:NAME, $file:PATH)"})
}

// blame makes an error of the key where it was given.
func (l *loader) blame(full, text, instead string) { l.fail(l.where(full, text, instead)) }

// remark makes a warning of the key where it was given.
func (l *loader) remark(full, text, instead string) { l.warn(l.where(full, text, instead)) }

func (l *loader) where(full, text, instead string) Problem {
	for _, g := range l.groups {
		if g.full == full {
			return l.at(g.items[len(g.items)-1], full, text, instead)
		}
	}
	return Problem{File: l.file, Key: full, Text: text, Instead: instead}
}

// blamed reports whether the key has an error already.
func (l *loader) blamed(full string) bool {
	for _, p := range l.errors {
		if strings.EqualFold(p.Key, full) {
			return true
		}
	}
	return false
}
