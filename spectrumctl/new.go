// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

func newCommand(t *tool) *cobra.Command {
	var d draft
	var secretFile string
	var force bool
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Make an instance's configuration, and what the XMPP server needs",
		Long: `Make a configuration that works, out of a few answers on a terminal or of flags, and
print the lines to paste into the configuration of Prosody or ejabberd. The
secret between the two is made up unless --secret-file gives one. With --server,
the instance is an XMPP server itself (server mode), which needs no other: the
DNS records to publish are printed instead. A file that exists is left alone
unless --force is given.`,
		Example: `  spectrumctl new irc
  spectrumctl new irc --jid irc.example.org --irc-server irc.libera.chat:6697
  spectrumctl new irc --server --jid irc.example.org --admin admin`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			d.name = args[0]
			if err := errors.Join(onlyOf(c, d.server), d.checkDatabase()); err != nil {
				return err
			}
			return t.new(c.Context(), d, secretFile, force)
		},
	}
	f := c.Flags()
	f.StringVar(&d.jid, "jid", "", "the transport's `domain`, one of its own (irc.example.org)")
	f.StringVar(&d.network, "network", "irc", "legacy `network` (irc, icq, aim, template)")
	f.StringArrayVar(&d.ircServers, "irc-server", nil, "IRC: the one network for all users, `host[:port]`; several are tried in turn")
	f.StringVar(&d.oscarServer, "oscar-server", "", "ICQ and AIM: the `host` of the server that the users are on")
	f.StringVar(&d.host, "host", "127.0.0.1", "`host` of the XMPP server")
	f.IntVar(&d.port, "port", 0, "the XMPP server's `port` for components (default 5347), in server mode the one for clients (default 5222)")
	f.StringArrayVar(&d.admins, "admin", nil, "administrator's `JID`; may be given several times")
	f.BoolVar(&d.server, "server", false, "server mode: the instance is an XMPP server of its own")
	f.StringVar(&d.listen, "listen", "", "server mode: `address` for clients, 127.0.0.1 for this machine alone (default: every address)")
	f.IntVar(&d.tlsPort, "tls-port", 5223, "server mode: `port` for direct TLS, 0 for none")
	f.IntVar(&d.webSocketPort, "websocket-port", 0, "server mode: `port` for WebSocket over TLS, 0 for none")
	f.StringVar(&d.database, "database", "sqlite3", "where users are kept, `type` of database: sqlite3, pqxx (PostgreSQL), mysql (MariaDB), none")
	f.StringVar(&d.kind, "xmpp-server", "", "print the lines for this `program` alone: prosody, ejabberd")
	f.StringVar(&secretFile, "secret-file", "", "`file` with the secret in its first line, \"-\" for standard input; in server mode the administrators' password")
	f.BoolVar(&force, "force", false, "replace a file that exists")
	for _, name := range []string{"jid", "irc-server", "oscar-server", "host", "port", "admin", "listen", "tls-port", "websocket-port"} {
		cobra.CheckErr(c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	cobra.CheckErr(c.RegisterFlagCompletionFunc("network", cobra.FixedCompletions([]string{"irc", "icq", "aim", "template"}, cobra.ShellCompDirectiveNoFileComp)))
	cobra.CheckErr(c.RegisterFlagCompletionFunc("database", cobra.FixedCompletions(databaseNames, cobra.ShellCompDirectiveNoFileComp)))
	cobra.CheckErr(c.RegisterFlagCompletionFunc("xmpp-server", cobra.FixedCompletions(xmppServers, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// new makes the file and says what comes next.
func (t *tool) new(_ context.Context, d draft, secretFile string, force bool) error {
	if err := config.CheckInstanceName(d.name); err != nil {
		return usageError("%v", err)
	}
	file, what := t.fileOf(d.name), "make the instance "+d.name
	if _, err := os.Lstat(file); err == nil && !force {
		return cannot(what, fmt.Errorf("%s %w", file, fs.ErrExist)).then("--force replaces it")
	}
	if err := t.fillIn(&d); err != nil {
		return err
	}
	if d.oscar() && d.oscarServer == "" {
		return usageError("--oscar-server is missing: the server that the users are on, for the public ones of old are gone")
	}
	d.complete()
	var err error
	if secretFile != "" {
		d.secret, err = t.secretFile(secretFile)
	} else {
		d.secret = rand.Text()
	}
	if err != nil {
		return cannot(what, err)
	}
	if err := d.check(); err != nil {
		return err
	}
	note, err := writeConfig(file, d.text(), force)
	if err != nil {
		return cannot(what, err)
	}
	if note != "" {
		fmt.Fprintln(t.err, t.err.Paint(screen.Yellow, "spectrumctl: warning: ")+note)
	}
	if d.server {
		return t.printNewServer(d, file)
	}
	return t.printNew(d, file)
}

// fillIn asks for what the flags left open, where somebody can be asked.
func (t *tool) fillIn(d *draft) error {
	if d.jid != "" {
		return nil
	}
	if !t.interactive() {
		return usageError("--jid is missing: the transport's own domain, as in --jid %s.example.org", d.name)
	}
	a := t.asker()
	defer a.done()
	if err := d.interview(a); err != nil {
		return cannot("make the instance "+d.name, err)
	}
	return nil
}

// made is what new prints as JSON.
type made struct {
	Instance string `json:"instance"`
	File     string `json:"file"`
	JID      string `json:"jid"`
	// Snippets are the lines for each XMPP server, by its name. They hold the
	// secret.
	Snippets map[string]string `json:"snippets"`
	// Database are the commands that make it on its server.
	Database []string `json:"database,omitempty"`
	Next     []string `json:"next"`
}

func (t *tool) printNew(d draft, file string) error {
	m := made{d.name, file, d.jid, map[string]string{}, d.databaseSteps(), []string{
		"spectrumctl check " + d.name, "spectrumctl start " + d.name, "spectrumctl enable " + d.name}}
	kinds := xmppServers
	if d.kind != "" {
		kinds = []string{d.kind}
	}
	for _, kind := range kinds {
		m.Snippets[kind] = d.snippet(kind)
	}
	if t.json {
		return t.printJSON(m)
	}
	fmt.Fprintf(t.out, "Wrote %s.\n", file)
	for _, kind := range kinds {
		fmt.Fprintf(t.out, "\n%s\n\n%s", t.out.Paint(screen.Bold, whereTo[kind]), m.Snippets[kind])
	}
	t.printDatabase(m.Database)
	fmt.Fprintf(t.out, "\n%s\n\n", t.out.Paint(screen.Bold, "Then:"))
	for n, about := range []string{"look whether all is right", "start it", "and have it started with the system"} {
		fmt.Fprintf(t.out, "    %-28s # %s\n", m.Next[n], about)
	}
	return nil
}

// printDatabase shows how to make the database.
func (t *tool) printDatabase(steps []string) {
	if len(steps) == 0 {
		return
	}
	fmt.Fprintf(t.out, "\n%s\n\n", t.out.Paint(screen.Bold, "Once, on the database server:"))
	for _, s := range steps {
		fmt.Fprintln(t.out, "    "+s)
	}
}

// check refuses a draft whose file would have mistakes, in the words of the
// flags.
func (d draft) check() error {
	if d.kind != "" && whereTo[d.kind] == "" {
		return usageError("%q is no XMPP server that --xmpp-server knows: prosody or ejabberd", d.kind)
	}
	dir, err := os.MkdirTemp("", "spectrumctl-")
	if err != nil {
		return cannot("check the new configuration", err)
	}
	defer os.RemoveAll(dir)
	file := dir + "/" + d.name + ".cfg"
	if err := os.WriteFile(file, []byte(d.text()), 0o600); err != nil {
		return cannot("check the new configuration", err)
	}
	_, _, err = readConfig(file)
	var mistakes config.Errors
	if !errors.As(err, &mistakes) {
		return err
	}
	for i := range mistakes {
		mistakes[i].File, mistakes[i].Line = d.name+".cfg", 0
	}
	return usageError("these answers make no good configuration:\n%v", mistakes)
}
