// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"spectrum.im/spectrum2/daemon/config"
)

// draft is what new knows about the instance to be.
type draft struct {
	name, jid, network string
	ircServers         []string
	server             string
	port               int
	secret             string
	admins             []string
	// kind is the XMPP server's program, "" for any.
	kind string
}

// The words of the template, which cannot see the draft's own fields.
func (d draft) values() map[string]any {
	title := strings.ToUpper(d.network)
	if d.network != "irc" {
		title = strings.ToUpper(d.network[:1]) + d.network[1:]
	}
	listen := "::"
	if d.server == "localhost" || strings.HasPrefix(d.server, "127.") {
		listen = "127.0.0.1"
	}
	return map[string]any{
		"Name": d.name, "JID": d.jid, "Network": d.network, "Title": title, "IRCServers": d.ircServers,
		"Server": d.server, "Port": d.port, "Secret": d.secret, "Admins": d.admins, "Domain": d.domain(),
		"Backend": "spectrum2_" + d.network + "_backend", "Listen": listen,
	}
}

// domain is the XMPP domain whose users are most likely meant.
func (d draft) domain() string {
	if _, rest, ok := strings.Cut(d.jid, "."); ok && strings.Contains(rest, ".") {
		return rest
	}
	return "example.org"
}

var fileTemplate = template.Must(template.New("file").Parse(`# The Spectrum 2 transport {{.Name}}. All keys: man 5 spectrum2.cfg
# After a change: spectrumctl check {{.Name}} && spectrumctl reload {{.Name}}

[service]
# The transport's own domain, a component of the XMPP server.
jid = {{.JID}}
server = {{.Server}}
port = {{.Port}}
# The XMPP server knows the transport by this secret.
password = {{.Secret}}

# The program that speaks with the legacy network.
backend = {{.Backend}}
{{- if eq .Network "irc"}}
{{- if .IRCServers}}
# The one IRC network for all users.
{{- range .IRCServers}}
irc_server = {{.}}
{{- end}}
{{- else}}
# Every room names its IRC network: #room%irc.libera.chat@{{.JID}}
# For one network for all users:
#irc_server = irc.libera.chat:6697
{{- end}}
{{- end}}

# Who may send administrator's commands to {{.JID}}.
{{- range .Admins}}
admin_jid = {{.}}
{{- else}}
#admin_jid = you@{{.Domain}}
{{- end}}

[identity]
name = {{.Title}} Transport

[registration]
# 0: only users of service.allowed_servers may register.
enable_public_registration = 1

[database]
type = sqlite3
# Keeps passwords encrypted:
#encryption_key = $file:/etc/spectrum2/{{.Name}}.key

[logging]
level = info
`))

// text is the configuration file.
func (d draft) text() string {
	if d.network == "" {
		d.network = "irc"
	}
	var b strings.Builder
	if err := fileTemplate.Execute(&b, d.values()); err != nil {
		panic(err) // the template is fixed
	}
	return b.String()
}

// interview asks for what a new instance needs.
func (d *draft) interview(a *asker) (err error) {
	questions := []struct {
		text  string
		value *string
		def   string
		check func(string) error
	}{
		{"Legacy network (irc, template)", &d.network, d.network, oneWord},
		{"The transport's own domain", &d.jid, d.name + "." + hostDomain(), oneWord},
		{"Host of the XMPP server", &d.server, d.server, oneWord},
		{"XMPP server (prosody, ejabberd)", &d.kind, installedServer(), knownServer},
	}
	for _, q := range questions {
		if *q.value, err = a.ask(q.text, q.def, q.check); err != nil {
			return err
		}
	}
	if d.network == "irc" && len(d.ircServers) == 0 {
		s, err := a.ask("IRC network for all users, host or host:port (empty: each room names its own)", "", anyWord)
		if err != nil {
			return err
		}
		d.ircServers = nonEmpty(s)
	}
	if len(d.admins) == 0 {
		s, err := a.ask("Administrator's JID (empty for none)", "", anyWord)
		if err != nil {
			return err
		}
		d.admins = nonEmpty(s)
	}
	return nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func oneWord(s string) error {
	if s == "" {
		return errors.New("an answer is needed here")
	}
	return anyWord(s)
}

func anyWord(s string) error {
	if strings.ContainsAny(s, " \t#") {
		return errors.New("one word, please, without blanks and #")
	}
	return nil
}

func knownServer(s string) error {
	if whereTo[s] == "" {
		return fmt.Errorf("%q is not one of prosody, ejabberd", s)
	}
	return nil
}

// hostDomain is the machine's domain, for a first guess.
func hostDomain() string {
	name, err := os.Hostname()
	if err != nil || config.CheckInstanceName(name) != nil {
		return "example.org"
	}
	if _, domain, ok := strings.Cut(name, "."); ok {
		return domain
	}
	return "example.org"
}
