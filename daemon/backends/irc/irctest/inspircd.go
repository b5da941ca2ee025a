// SPDX-License-Identifier: GPL-2.0-or-later

package irctest

import (
	"fmt"
	"strings"
	"testing"
)

// inspircdModules are those of IRCv3, MONITOR and the five ranks.
var inspircdModules = []string{
	"cap", "ircv3", "ircv3_accounttag", "ircv3_batch", "ircv3_capnotify", "ircv3_chghost", "ircv3_ctctags",
	"ircv3_echomessage", "ircv3_invitenotify", "ircv3_labeledresponse", "ircv3_msgid", "ircv3_servertime",
	"monitor", "namesx", "uhnames", "setname", "services_account", "customprefix", "muteban", "redirect", "sslmodes",
}

// StartInspircd starts InspIRCd with most of IRCv3: echo-message,
// labeled-response, server-time, MONITOR, and the ranks ~&@%+.
func StartInspircd(t testing.TB, o Options) *Server {
	t.Helper()
	path := program(t, "inspircd", "inspircd")
	s := newServer(t, o)
	var b strings.Builder
	fmt.Fprintf(&b, `<server name="%s" description="test server" network="TestNet" id="97K">
<admin name="test" nick="test" email="test@test.example">
<bind address="127.0.0.1" port="%d" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="120" hardsendq="8388608" softsendq="8192" recvq="65536"
 threshold="1000" commandrate="100000" fakelag="off" localmax="10000" globalmax="10000" maxchans="100" resolvehostnames="no" useident="no"%s>
<files motd="%s">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="%s/ircd.log">
<pid file="%s/ircd.pid">
<performance nouserdns="yes" somaxconn="128">
<limits maxnick="%d" maxmodes="20" maxtopic="307" maxkick="255">
<options prefixquit="" syntaxhints="no" announcets="no" allowmismatch="yes" defaultbind="ipv4">
<security announceinvites="dynamic" hideulines="no">
<customprefix name="founder" letter="q" prefix="~" rank="50000" ranktoset="50000">
<customprefix name="admin" letter="a" prefix="&amp;" rank="40000" ranktoset="50000">
<customprefix name="halfop" letter="h" prefix="%%" rank="20000" ranktoset="30000">
`, Name, s.Port, attribute("password", o.Password), s.file("motd", "Welcome\n"), s.dir, s.dir, max(o.NickLen, 30*b2i(o.NickLen == 0)))
	for _, m := range inspircdModules {
		fmt.Fprintf(&b, "<module name=%q>\n", m)
	}
	if o.TLS {
		fmt.Fprintf(&b, `<module name="ssl_gnutls">
<sslprofile name="test" provider="gnutls" certfile="%[1]s/cert.pem" keyfile="%[1]s/key.pem" hash="sha256">
<bind address="127.0.0.1" port="%[2]d" type="clients" sslprofile="test">
`, s.dir, s.TLSPort)
	}
	conf := s.file("inspircd.conf", b.String())
	return s.run(path, "--config="+conf, "--nofork", "--runasroot", "--nopid")
}

func attribute(name, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(" %s=%q", name, value)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
