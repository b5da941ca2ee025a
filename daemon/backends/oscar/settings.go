// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// The port of OSCAR servers, and the longest text of one message where the
// configuration says nothing.
const (
	defaultPort    = "5190"
	defaultMessage = 2000
)

// settings are what the configuration says about the network: [oscar], and the
// options of libpurple's ICQ and AIM plugins in [purple], which [oscar]
// overrides.
type settings struct {
	// host and port are the login server's.
	host, port string
	network    networkKind
	// roasted: passwords go out in the form of the first clients, for servers
	// that know no other.
	roasted bool
	// charset is that of messages from clients that do not say theirs.
	charset charset
	// several: the user may be signed on elsewhere at the same time.
	several bool
	// bind is where users' connections come from: each has an address of his
	// own in it. Invalid where the system chooses.
	bind netip.Prefix
	// message is how many bytes of text go into one message.
	message int
	// xhtml: formats of texts are passed on.
	xhtml bool
}

// networkKind is which of the two networks the users are of.
type networkKind int

const (
	anyNetwork networkKind = iota // the name tells
	icq
	aim
)

var errNoKey = errors.New("there is no such key")

// warning is a setting that has no effect.
type warning struct{ setting, reason string }

// readSettings reads [oscar] above [purple].
func readSettings(c *config.Config) (settings, []warning, error) {
	s := settings{port: defaultPort, several: true, message: defaultMessage, network: kindOf(c.Service.Protocol), xhtml: c.Service.EnableXHTML}
	warnings, err := s.readPurple(c.Purple)
	if err != nil {
		return s, warnings, fmt.Errorf("[purple] %w", err)
	}
	for key, values := range c.Sections["oscar"] {
		if len(values) == 0 {
			continue
		}
		err := s.set(key, values[len(values)-1])
		if errors.Is(err, errNoKey) {
			warnings = append(warnings, warning{"[oscar] " + key, err.Error()})
		} else if err != nil {
			return s, warnings, fmt.Errorf("[oscar] %s: %w", key, err)
		}
	}
	if s.host == "" {
		return s, warnings, errNoServer
	}
	if host, port, err := net.SplitHostPort(s.host); err == nil {
		s.host, s.port = host, port
	}
	return s, warnings, nil
}

func kindOf(protocol string) networkKind {
	switch strings.TrimPrefix(strings.ToLower(protocol), "prpl-") {
	case "icq":
		return icq
	case "aim":
		return aim
	}
	return anyNetwork
}

// readPurple takes the options over that mean something here, and names those
// with which a user would not get what he asked for.
func (s *settings) readPurple(options map[string][]string) ([]warning, error) {
	var warnings []warning
	for key, values := range options {
		if len(values) == 0 {
			continue
		}
		value := values[len(values)-1]
		switch key {
		case "server":
			s.host = value
		case "port", "encoding":
			if err := s.set(key, value); err != nil {
				return warnings, fmt.Errorf("%s: %w", key, err)
			}
		case "allow_multiple_logins":
			s.several = truth(value)
		case "use_ssl", "encryption":
			if truth(value) || value == "require_encryption" {
				warnings = append(warnings, warning{"[purple] " + key, "connections to OSCAR servers are not encrypted; put the server behind a tunnel"})
			}
		}
	}
	return warnings, nil
}

func (s *settings) set(key, value string) (err error) {
	switch key {
	case "host", "server":
		s.host = value
	case "port":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("%q is no port", value)
		}
		s.port = value
	case "login":
		return s.setLogin(value)
	case "encoding":
		s.charset, err = newCharset(value)
		return err
	case "multiple_logins":
		s.several = truth(value)
	case "bind":
		s.bind, err = parseBind(value)
		return err
	case "message_size":
		n, err := strconv.Atoi(value)
		if err != nil || n < 100 || n > 8000 {
			return fmt.Errorf("%q is no number from 100 to 8000", value)
		}
		s.message = n
	default:
		return errNoKey
	}
	return nil
}

func (s *settings) setLogin(value string) error {
	switch strings.ToLower(value) {
	case "md5", "bucp", "":
		s.roasted = false
	case "flap", "roasted", "icq":
		s.roasted = true
	default:
		return fmt.Errorf("%q is neither md5 nor flap", value)
	}
	return nil
}

func parseBind(value string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(value); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a prefix", value)
	}
	return p.Masked(), nil
}

func truth(value string) bool {
	switch strings.ToLower(value) {
	case "1", "yes", "on", "true":
		return true
	}
	return false
}
