// SPDX-License-Identifier: GPL-2.0-or-later

package irctest

import (
	"fmt"
	"testing"
)

// StartNgircd starts ngIRCd: a plain server of the old school, without
// echo-message or server-time.
func StartNgircd(t testing.TB, o Options) *Server {
	t.Helper()
	path := program(t, "ngircd", "ngircd")
	s := newServer(t, o)
	nickLen := o.NickLen
	if nickLen == 0 {
		nickLen = 30
	}
	ssl := ""
	if o.TLS {
		ssl = fmt.Sprintf("[SSL]\nCertFile = %[1]s/cert.pem\nKeyFile = %[1]s/key.pem\nPorts = %[2]d\n", s.dir, s.TLSPort)
	}
	password := ""
	if o.Password != "" {
		password = "Password = " + o.Password + "\n"
	}
	conf := s.file("ngircd.conf", fmt.Sprintf(`[Global]
Name = %s
Info = test server
AdminInfo1 = test
AdminEMail = test@test.example
Listen = 127.0.0.1
Ports = %d
ServerUID = root
ServerGID = root
%s[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = %d
MaxPenaltyTime = 0
PingTimeout = 120
[Options]
Ident = no
DNS = no
PAM = no
NoticeBeforeRegistration = no
SyslogFacility = local1
AllowedChannelTypes = #&+
%s`, Name, s.Port, password, nickLen, ssl))
	return s.run(path, "-n", "-f", conf)
}
