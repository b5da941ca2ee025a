// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"os"
	"strings"
	"text/template"
)

// xmppServers are the programs whose lines new prints.
var xmppServers = []string{"prosody", "ejabberd"}

// whereTo says where the lines go.
var whereTo = map[string]string{
	"prosody":  "For Prosody, at the end of /etc/prosody/prosody.cfg.lua; then: systemctl restart prosody",
	"ejabberd": "For ejabberd, in the section listen: of /etc/ejabberd/ejabberd.yml; then: systemctl restart ejabberd",
}

var snippets = map[string]*template.Template{
	"prosody": template.Must(template.New("prosody").Parse(`{{if ne .Port 5347}}component_ports = { {{.Port}} } -- above all VirtualHosts
{{end}}Component "{{.JID}}"
    component_secret = "{{.Secret}}"

-- Optional, for contact lists without a question for each contact (XEP-0356):
-- mod_privilege (Debian: prosody-modules), below VirtualHost "{{.Domain}}"
--    modules_enabled = { "privilege" }
--    privileged_entities = { ["{{.JID}}"] = { roster = "both", message = "outgoing" } }
`)),
	"ejabberd": template.Must(template.New("ejabberd").Parse(`  -
    port: {{.Port}}
    ip: "{{.Listen}}"
    module: ejabberd_service
    global_routes: false
    hosts:
      "{{.JID}}":
        password: "{{.Secret}}"

# Optional, for contact lists without a question for each contact (XEP-0356),
# in the sections acl:, access_rules: and modules:
#  acl:
#    spectrum2:
#      server: "{{.JID}}"
#  access_rules:
#    spectrum2:
#      allow: spectrum2
#  modules:
#    mod_privilege:
#      roster:
#        both: spectrum2
#      message:
#        outgoing: spectrum2
`)),
}

// snippet is what the XMPP server's configuration needs.
func (d draft) snippet(kind string) string {
	var b strings.Builder
	if err := snippets[kind].Execute(&b, d.values()); err != nil {
		panic(err) // the template is fixed
	}
	return b.String()
}

// installedServer guesses the XMPP server from what is installed.
func installedServer() string {
	for _, kind := range xmppServers {
		if _, err := os.Stat("/etc/" + kind); err == nil {
			return kind
		}
	}
	return xmppServers[0]
}
