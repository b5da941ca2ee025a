// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

// serverTemplate is the file of an instance in server mode.
var serverTemplate = withBackend(`# The Spectrum 2 XMPP server {{.Name}}. All keys: man 5 spectrum2.cfg
# After a change: spectrumctl check {{.Name}} && spectrumctl reload {{.Name}}

[service]
# The domain of all accounts here: who logs in as name@{{.JID}} logs in to
# the legacy network as name, with the password there.
jid = {{.JID}}
server_mode = 1
{{- if .Address}}
server = {{.Address}}
{{- else}}
# The address to listen on, unless it is every one:
#server = 127.0.0.1
{{- end}}
port = {{.Port}}
{{- if .TLSPort}}
tls_port = {{.TLSPort}}
{{- end}}
{{- if .WebSocketPort}}
websocket_port = {{.WebSocketPort}}
{{- else}}
#websocket_port = 5281
{{- end}}
# The certificate for {{.JID}}; "spectrumctl cert import {{.Name}} CERT KEY"
# writes the line. Without it, the instance makes a self-signed one.
#cert = /etc/spectrum2/certs/{{.Name}}.pem

{{template "backend" .}}

# Who may send administrator's commands: an account here, with its password.
{{- range .Admins}}
admin_jid = {{.}}
{{- else}}
#admin_jid = admin@{{.JID}}
{{- end}}
{{- if .Admins}}
admin_password = {{.Secret}}
{{- else}}
#admin_password = $file:/etc/spectrum2/{{.Name}}.admin
{{- end}}

# 1: several clients of one account at a time.
more_resources = 1
{{- template "network" .}}

[identity]
name = {{.Title}} Transport

[database]
# Needed for the message archive, waiting messages and bookmarks; no password
# is kept in it. none keeps nothing.
{{.Database}}
[logging]
level = info
`)

// onlyOf refuses the other mode's flags.
func onlyOf(c *cobra.Command, server bool) error {
	modes := map[bool][]string{true: {"listen", "tls-port", "websocket-port"}, false: {"host", "xmpp-server"}}
	for _, name := range modes[!server] {
		if !c.Flags().Changed(name) {
			continue
		}
		if server {
			return usageError("--%s is about another XMPP server: there is none with --server", name)
		}
		return usageError("--%s is for server mode: say --server, too", name)
	}
	return nil
}

// complete fills in what depends on other answers.
func (d *draft) complete() {
	if d.port == 0 {
		d.port = 5347
		if d.server {
			d.port = 5222
		}
	}
	if !d.server {
		return
	}
	for i, admin := range d.admins {
		if !strings.Contains(admin, "@") {
			d.admins[i] = admin + "@" + d.jid
		}
	}
}

// madeServer is what new --server prints as JSON.
type madeServer struct {
	Instance string `json:"instance"`
	File     string `json:"file"`
	JID      string `json:"jid"`
	// Records are the DNS records to publish, as a zone's file has them.
	Records []string `json:"records"`
	// Account is what to log in as.
	Account string   `json:"account"`
	Admins  []string `json:"admins"`
	// AdminPassword is the one that was made up, or given.
	AdminPassword string `json:"admin_password,omitempty"`
	// Database are the commands that make it on its server.
	Database []string `json:"database,omitempty"`
	Next     []string `json:"next"`
}

func (t *tool) printNewServer(d draft, file string) error {
	m := madeServer{Instance: d.name, File: file, JID: d.jid, Records: d.records(), Database: d.databaseSteps(), Account: d.account(), Admins: d.admins, Next: []string{
		"spectrumctl check " + d.name, "spectrumctl start " + d.name, "spectrumctl enable " + d.name, "spectrumctl cert import " + d.name + " CERT KEY"}}
	if m.Admins == nil {
		m.Admins = []string{}
	} else {
		m.AdminPassword = d.secret
	}
	if t.json {
		return t.printJSON(m)
	}
	fmt.Fprintf(t.out, "Wrote %s.\n", file)
	fmt.Fprintf(t.out, "\n%s\n\n    %s\n", t.out.Paint(screen.Bold, "For clients to find it, in the zone of "+d.jid+":"), strings.Join(m.Records, "\n    "))
	t.printDatabase(m.Database)
	fmt.Fprintf(t.out, "\n%s\n\n", t.out.Paint(screen.Bold, "Then:"))
	for n, about := range []string{"look whether all is right", "start it", "and have it started with the system", "once there is a certificate"} {
		fmt.Fprintf(t.out, "    %-41s # %s\n", m.Next[n], about)
	}
	fmt.Fprintf(t.out, "\n%s\n\n    %s\n", t.out.Paint(screen.Bold, "Log in with any XMPP client as:"), m.Account)
	if len(d.admins) > 0 {
		fmt.Fprintf(t.out, "\n%s\n\n    %s, password %s\n", t.out.Paint(screen.Bold, "The administrator:"), strings.Join(d.admins, ", "), d.secret)
	}
	return nil
}

// records are the SRV records (RFC 6120 §3.2.1, XEP-0368) for this machine.
func (d draft) records() []string {
	target := d.jid
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") && anyWord(name) == nil {
		target = strings.TrimSuffix(name, ".")
	}
	list := []string{fmt.Sprintf("_xmpp-client._tcp.%s. 3600 IN SRV 5 0 %d %s.", d.jid, d.port, target)}
	if d.tlsPort != 0 {
		list = append(list, fmt.Sprintf("_xmpps-client._tcp.%s. 3600 IN SRV 5 0 %d %s.", d.jid, d.tlsPort, target))
	}
	return list
}

// account says what a JID here is made of.
func (d draft) account() string {
	switch {
	case d.network == "irc" && len(d.ircServers) > 0:
		return fmt.Sprintf("NICK@%s, the password NickServ's, or any for a nick that nobody registered", d.jid)
	case d.network == "irc":
		return fmt.Sprintf("NICK%%irc.libera.chat@%s (or another network), the password NickServ's, or any", d.jid)
	}
	if d.network == "icq" {
		return fmt.Sprintf("NUMBER@%s, the password the ICQ number's", d.jid)
	}
	return fmt.Sprintf("NAME@%s, the password the legacy network's (an @ in the name is written %%)", d.jid)
}
