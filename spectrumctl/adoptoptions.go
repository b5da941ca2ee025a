// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"spectrum.im/spectrum2/daemon/config"
)

// proxyOption stands for an account's own proxy.
const proxyOption = "proxy"

// fate is what becomes of one libpurple option: a key of the configuration, or
// the reason why there is none.
type fate struct {
	// key is the full name, "" where reason says why there is none.
	key, reason string
	// also are the keys that say the same: one that is there stays.
	also []string
	// value is what the key takes for an option's value, "" where it takes
	// none; nil takes all as they are.
	value func(option string) string
	// usual is the value that the backend has without the key.
	usual string
}

// everywhere are options that Spectrum itself set for each user at each login,
// or that no backend of this version has.
var everywhere = map[string]string{
	"custom_smileys":       "no backend sends them",
	"direct_connect":       "connections from client to client are not made",
	"compat-verification":  "the C++ version set it for every account",
	"check-mail":           "there is no mail to tell of",
	"use-global-buddyicon": "each user's avatar comes from his XMPP client",
	proxyOption:            "networks are connected to directly",
}

// ofOscar are libpurple's options for ICQ and AIM.
var ofOscar = map[string]fate{
	"server":                {key: "purple.server", also: []string{"oscar.host", "oscar.server"}, value: living},
	"port":                  {key: "purple.port", also: []string{"oscar.port"}, value: port, usual: "5190"},
	"encoding":              {key: "purple.encoding", also: []string{"oscar.encoding"}, value: charset, usual: "ISO-8859-1"},
	"allow_multiple_logins": {key: "purple.allow_multiple_logins", also: []string{"oscar.multiple_logins"}, usual: "1"},
	"use_ssl":               {reason: noTLS},
	"encryption":            {reason: noTLS},
	"use_clientlogin":       {reason: "it was a login over AOL's web servers"},
	"always_use_rv_proxy":   {reason: "connections from client to client are not made"},
	"web_aware":             {reason: "ICQ's presence on the web is gone"},
	"authorization":         {reason: "the server keeps whom a user has to allow"},
	"report_idle":           {reason: "the XMPP client's presence says it"},
}

const noTLS = "connections to OSCAR servers are not encrypted; put the server behind a tunnel"

// ofIRC are libpurple's options for IRC; a network has a section of its own.
var ofIRC = map[string]fate{
	"port":                {key: "port", value: port, usual: "6667"},
	"ssl":                 {key: "tls", usual: "0"},
	"encoding":            {key: "encoding", value: charset, usual: "UTF-8"},
	"username":            {key: "username"},
	"realname":            {key: "realname"},
	"autodetect_utf8":     {reason: "UTF-8 is always recognised"},
	"sasl":                {reason: "it is used where the server offers it"},
	"auth_plain_in_clear": {reason: "it is used where the server offers it"},
	"quitmsg":             {reason: "there is one for all"},
	"partmsg":             {reason: "the XMPP client gives it"},
	"rate_limit_interval": {reason: "lines are paced by the server's own limits, or throttle in [irc.HOST]"},
	"rate_limit_burst":    {reason: "lines are paced by the server's own limits, or throttle in [irc.HOST]"},
}

// dead are the servers of AOL and ICQ, which were libpurple's defaults.
var dead = []string{"login.oscar.aol.com", "slogin.oscar.aol.com", "login.icq.com", "slogin.icq.com", "login.messaging.aol.com"}

// living is a server that may answer.
func living(host string) string {
	if slices.Contains(dead, strings.ToLower(host)) || strings.ContainsAny(host, " \t#;") {
		return ""
	}
	return host
}

func port(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
		return ""
	}
	return value
}

// charset is the first of several that is not what is tried anyway.
func charset(list string) string {
	first := ""
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if _, err := htmlindex.Get(name); err != nil {
			return ""
		}
		if first == "" || strings.EqualFold(first, "utf-8") || strings.EqualFold(first, "utf8") {
			first = name
		}
	}
	return first
}

// network is whose options a backend of this version takes: oscar, irc, or ""
// for others, such as the C++ version's libpurple, which goes on with its file.
func network(c *config.Config) string {
	name, _, _ := strings.Cut(filepath.Base(c.Service.Program()), " ")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "spectrum2_"), "_backend")
	switch name {
	case "oscar", "irc":
		return name
	case "libcommuni":
		return "irc"
	}
	return ""
}

// protocols are those of libpurple that the network is.
var protocols = map[string][]string{"oscar": {"prpl-icq", "prpl-aim", "prpl-oscar"}, "irc": {"prpl-irc"}}

// fateOf is what becomes of an account's option.
func fateOf(network, option string) fate {
	table := map[string]map[string]fate{"oscar": ofOscar, "irc": ofIRC}[network]
	if f, ok := table[option]; ok {
		return f
	}
	if reason := everywhere[option]; reason != "" {
		return fate{reason: reason}
	}
	return fate{reason: "the backend has nothing like it"}
}
