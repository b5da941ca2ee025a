// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mellium.im/xmpp/jid"
)

// A check gets a value that is already of the key's type and not empty; text is "" where nothing is wrong.

var levels = []string{"debug", "info", "warn", "error"}

func oneOf(values ...string) func(string) (string, string) {
	return func(v string) (string, string) {
		if slices.Contains(values, v) {
			return "", ""
		}
		return quoted(v) + " is not known", strings.Join(values, ", ")
	}
}

func atLeast(low int) func(string) (string, string) {
	return func(v string) (string, string) {
		if n, err := strconv.Atoi(v); err == nil && n >= low {
			return "", ""
		}
		return quoted(v) + " is too small", fmt.Sprintf("a number from %d upward", low)
	}
}

func between(low, high int) func(string) (string, string) {
	return func(v string) (string, string) {
		if n, err := strconv.Atoi(v); err == nil && n >= low && n <= high {
			return "", ""
		}
		return quoted(v) + " is out of range", fmt.Sprintf("a number from %d to %d", low, high)
	}
}

func checkNotEmpty(v string) (string, string) {
	if strings.TrimSpace(v) == "" {
		return "is empty", "a value, or leave the key out"
	}
	return "", ""
}

func checkPort(v string) (string, string) {
	if n, err := strconv.Atoi(v); err == nil && n >= 1 && n <= 65535 {
		return "", ""
	}
	return quoted(v) + " is not a port", "a number from 1 to 65535"
}

func checkPortOrNone(v string) (string, string) {
	if v == "0" {
		return "", ""
	}
	text, _ := checkPort(v)
	if text == "" {
		return "", ""
	}
	return text, "a number from 1 to 65535, or 0"
}

var hostName = regexp.MustCompile(`^[\pL\pN_]([\pL\pN_.-]*[\pL\pN_.])?$`)

func checkHost(v string) (string, string) {
	if net.ParseIP(strings.Trim(v, "[]")) != nil || len(v) < 256 && hostName.MatchString(v) && !strings.Contains(v, "..") {
		return "", ""
	}
	return quoted(v) + " is not a host", "a host's name or address, without port or scheme"
}

func checkDomain(v string) (string, string) {
	j, err := jid.Parse(v)
	if err == nil && j.Localpart() == "" && j.Resourcepart() == "" {
		if text, _ := checkHost(v); text == "" {
			return "", ""
		}
	}
	return quoted(v) + " is not a domain", "a domain such as irc.example.org"
}

func checkBareJID(v string) (string, string) {
	j, err := jid.Parse(v)
	if err != nil || j.Localpart() == "" || j.Resourcepart() != "" {
		return quoted(v) + " is not an account's JID", "an address such as admin@example.org"
	}
	return "", ""
}

func checkJID(v string) (string, string) {
	if _, err := jid.Parse(v); err != nil {
		return quoted(v) + " is not a JID", "an address such as admin@example.org"
	}
	return "", ""
}

func checkURL(v string) (string, string) {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return quoted(v) + " is not a URL", "one such as https://example.org/files"
	}
	return "", ""
}

func checkMask(v string) (string, string) {
	if !strings.Contains(v, "$username") {
		return quoted(v) + " has no place for the name", "$username where the user's name goes, such as $username@example.org"
	}
	return "", ""
}

func checkRegexp(v string) (string, string) {
	if _, err := regexp.Compile(v); err != nil {
		return strings.TrimPrefix(err.Error(), "error parsing regexp: "), "a regular expression in RE2's syntax (no look-around, no back-references)"
	}
	return "", ""
}

var prefix = regexp.MustCompile(`^[A-Za-z0-9_]{1,40}$`)

func checkPrefix(v string) (string, string) {
	if !prefix.MatchString(v) {
		return quoted(v) + " cannot begin a table's name", "letters, digits and underscores only"
	}
	return "", ""
}

var node = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkNode(v string) (string, string) {
	if !node.MatchString(v) {
		return quoted(v) + " cannot be a machine's name", "up to 63 small letters, digits and dashes"
	}
	return "", ""
}

func checkIRCServer(v string) (string, string) {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		host, port = v, "+6697"
	}
	badHost, _ := checkHost(host)
	badPort, _ := checkPort(strings.TrimPrefix(port, "+"))
	if badHost != "" || badPort != "" {
		return quoted(v) + " is not an IRC server", "host, host:port, or host:+port for TLS"
	}
	return "", ""
}

var (
	memory  = regexp.MustCompile(`^(infinity|[0-9]+(\.[0-9]+)?[KMGTPE]?|[0-9]{1,2}(\.[0-9]{1,2})?%|100%)$`)
	tasks   = regexp.MustCompile(`^(infinity|[1-9][0-9]*|[0-9]{1,2}(\.[0-9]{1,2})?%|100%)$`)
	decimal = regexp.MustCompile(`^[0-9]+$`)
)

func checkMemory(v string) (string, string) {
	if !memory.MatchString(v) {
		return quoted(v) + " is not an amount of memory", "one such as 200M, 1G, 10% or infinity"
	}
	return "", ""
}

func checkTasks(v string) (string, string) {
	if !tasks.MatchString(v) {
		return quoted(v) + " is not a limit on tasks", "one such as 64, 10% or infinity"
	}
	return "", ""
}

func checkWeight(v string) (string, string) {
	if n, err := strconv.Atoi(v); v == "idle" || err == nil && n >= 1 && n <= 10000 && decimal.MatchString(v) {
		return "", ""
	}
	return quoted(v) + " is not a weight", "a number from 1 to 10000 (100 is the usual one), or idle"
}

// quoted is the value as an error text may show it.
func quoted(v string) string {
	if r := []rune(v); len(r) > 60 {
		v = string(r[:60]) + "…"
	}
	return strconv.Quote(v)
}
