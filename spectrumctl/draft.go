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
	// oscarServer is the one of an ICQ or AIM instance.
	oscarServer string
	// host and port are where the gateway finds the XMPP server. A port of 0
	// is the mode's usual one.
	host   string
	port   int
	secret string
	admins []string
	// kind is the XMPP server's program, "" for any.
	kind string
	// database is its type.
	database string

	// server: the instance is an XMPP server itself, which listens on listen,
	// "" for every address.
	server                 bool
	listen                 string
	tlsPort, webSocketPort int
}

// The words of the template, which cannot see the draft's own fields.
func (d draft) values() map[string]any {
	title := strings.ToUpper(d.network)
	if d.network != "irc" && !d.oscar() {
		title = strings.ToUpper(d.network[:1]) + d.network[1:]
	}
	listen := "::"
	if d.host == "localhost" || strings.HasPrefix(d.host, "127.") {
		listen = "127.0.0.1"
	}
	return map[string]any{
		"Name": d.name, "JID": d.jid, "Network": d.network, "Title": title, "IRCServers": d.ircServers, "OSCARServer": d.oscarServer,
		"Host": d.host, "Port": d.port, "Secret": d.secret, "Admins": d.admins, "Domain": d.domain(),
		"Backend": "spectrum2_" + d.backend() + "_backend", "Listen": listen,
		"Database": d.databaseText(),
		"Address":  d.listen, "TLSPort": d.tlsPort, "WebSocketPort": d.webSocketPort,
	}
}

// oscar reports whether the network is one of those that speak OSCAR.
func (d draft) oscar() bool { return d.network == "icq" || d.network == "aim" }

// backend is the short name of the network's backend.
func (d draft) backend() string {
	if d.oscar() {
		return "oscar"
	}
	return d.network
}

// domain is the XMPP domain whose users are most likely meant.
func (d draft) domain() string {
	if _, rest, ok := strings.Cut(d.jid, "."); ok && strings.Contains(rest, ".") {
		return rest
	}
	return "example.org"
}

// gatewayTemplate is the file of an instance in gateway mode.
var gatewayTemplate = withBackend(`# The Spectrum 2 transport {{.Name}}. All keys: man 5 spectrum2.cfg
# After a change: spectrumctl check {{.Name}} && spectrumctl reload {{.Name}}

[service]
# The transport's own domain, a component of the XMPP server.
jid = {{.JID}}
server = {{.Host}}
port = {{.Port}}
# The XMPP server knows the transport by this secret.
password = {{.Secret}}

{{template "backend" .}}

# Who may send administrator's commands to {{.JID}}.
{{- range .Admins}}
admin_jid = {{.}}
{{- else}}
#admin_jid = you@{{.Domain}}
{{- end}}
{{- template "network" .}}

[identity]
name = {{.Title}} Transport

[registration]
# 0: only users of service.allowed_servers may register.
enable_public_registration = 1

[database]
{{.Database}}# Keeps passwords encrypted:
#encryption_key = $file:/etc/spectrum2/{{.Name}}.key

[logging]
level = info
`)

// backendTemplate is the part of both modes on the legacy network.
var backendTemplate = template.Must(template.New("backend").Parse(`# The program that speaks with the legacy network.
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
{{- else if eq .Backend "spectrum2_oscar_backend"}}
protocol = prpl-{{.Network}}
{{- end}}
{{- define "network"}}
{{- if eq .Backend "spectrum2_oscar_backend"}}

[oscar]
# The server where users log in; a port other than 5190 is a key of its own.
host = {{.OSCARServer}}
{{- end}}
{{- end}}`))

// withBackend makes the template of a file.
func withBackend(text string) *template.Template {
	return template.Must(template.Must(backendTemplate.Clone()).New("file").Parse(text))
}

// text is the configuration file.
func (d draft) text() string {
	if d.network == "" {
		d.network = "irc"
	}
	var b strings.Builder
	file := gatewayTemplate
	if d.server {
		file = serverTemplate
	}
	if err := file.Execute(&b, d.values()); err != nil {
		panic(err) // the template is fixed
	}
	return b.String()
}

// question is one of the interview's.
type question struct {
	text  string
	value *string
	def   string
	check func(string) error
}

// interview asks for what a new instance needs.
func (d *draft) interview(a *asker) (err error) {
	questions := []question{
		{"Legacy network (irc, icq, aim, template)", &d.network, d.network, oneWord},
		{"The transport's own domain", &d.jid, d.name + "." + hostDomain(), oneWord},
	}
	if !d.server {
		questions = append(questions, question{"Host of the XMPP server", &d.host, d.host, oneWord},
			question{"XMPP server (prosody, ejabberd)", &d.kind, installedServer(), knownServer})
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
	if d.oscar() && d.oscarServer == "" {
		if d.oscarServer, err = a.ask("OSCAR server of the users (the public ones of old are gone)", "", oneWord); err != nil {
			return err
		}
	}
	if len(d.admins) == 0 {
		text := "Administrator's JID (empty for none)"
		if d.server {
			text = "Administrator's account here, the name alone (empty for none)"
		}
		s, err := a.ask(text, "", anyWord)
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
