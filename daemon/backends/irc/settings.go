// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/config"
)

// settings are what the configuration says about one network: [service], and
// above it the network's own section [irc.HOST].
type settings struct {
	endpoints []endpoint
	// verify: the server's certificate must be good; fingerprints, where
	// given, replace that.
	verify       bool
	fingerprints []string
	// clientCert is a PEM file for SASL EXTERNAL.
	clientCert string
	charset    charset
	// password is the server's, sent by every user with PASS.
	password string
	// sendPass: the user's own password goes with PASS.
	sendPass bool
	// sasl is a mechanism, "" for the best one offered, "off" for none.
	sasl string
	// identify is the template of service.irc_identify, "" for none.
	identify           string
	realname, username string
	afterConnect       []string
	perLine            time.Duration
	awayEvery          time.Duration
	roomList           int
	xhtml              bool
}

// defaultPerLine is RFC 1459's price of a line.
const defaultPerLine = 2 * time.Second

// networkSettings reads the settings for the servers of one network. The
// section is found by the first server's name, with its port or without.
func networkSettings(c *config.Config, servers []string) (settings, error) {
	s := settings{
		verify: c.Service.VerifyCerts, sendPass: c.Service.IRCSendPass,
		identify: c.Service.IRCIdentify, awayEvery: c.Service.IRCAwayTimeout,
		roomList: c.Service.MaxRoomListSize, xhtml: c.Service.EnableXHTML, perLine: defaultPerLine,
	}
	for _, text := range servers {
		e, err := parseEndpoint(text)
		if err != nil {
			return s, err
		}
		s.endpoints = append(s.endpoints, e)
	}
	if len(s.endpoints) == 0 {
		return s, fmt.Errorf("find server: none configured")
	}
	own := c.Sections["irc."+strings.ToLower(strings.TrimSpace(servers[0]))]
	if own == nil {
		own = c.Sections["irc."+s.endpoints[0].host]
	}
	if err := s.override(own); err != nil {
		return s, fmt.Errorf("read [irc.%s]: %w", s.endpoints[0].host, err)
	}
	return s, nil
}

// override applies the network's own section.
func (s *settings) override(section map[string][]string) error {
	for key, values := range section {
		if len(values) == 0 {
			continue
		}
		if err := s.set(key, values); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	// tls and port in this order, whatever the order of the file: port alone
	// does not take TLS away again.
	if v := section["tls"]; len(v) > 0 {
		s.setTLS(truth(v[0]), len(section["port"]) > 0)
	}
	return nil
}

func (s *settings) set(key string, values []string) (err error) {
	value := values[len(values)-1]
	switch key {
	case "port":
		return s.setPort(value)
	case "fingerprint":
		s.fingerprints = nil
		for _, v := range values {
			s.fingerprints = append(s.fingerprints, normalFingerprint(v))
		}
	case "encoding":
		s.charset, err = newCharset(value)
		return err
	case "password":
		s.password = value
	case "sasl":
		s.sasl = saslSetting(value)
	case "nickserv":
		s.identify = value
	case "certificate":
		s.clientCert = value
	case "realname":
		s.realname = value
	case "username":
		s.username = value
	case "after_connect":
		s.afterConnect = values
	case "throttle":
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || seconds < 0 || seconds > 60 {
			return fmt.Errorf("%q is no number of seconds from 0 to 60", value)
		}
		s.perLine = time.Duration(seconds * float64(time.Second))
	}
	return nil
}

func (s *settings) setPort(value string) error {
	e, err := parseEndpoint("h:" + value)
	if err != nil {
		return fmt.Errorf("%q is no port", value)
	}
	for i := range s.endpoints {
		s.endpoints[i].port, s.endpoints[i].tls = e.port, e.tls
	}
	return nil
}

func (s *settings) setTLS(on, portGiven bool) {
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.tls = on; on && !portGiven && e.port == plainPort {
			e.port = tlsPort
		}
	}
}

// saslSetting reads on, off, or a mechanism's name.
func saslSetting(value string) string {
	switch strings.ToLower(value) {
	case "1", "yes", "on", "true", "":
		return ""
	case "0", "no", "off", "false":
		return "off"
	}
	return strings.ToUpper(value)
}

func truth(value string) bool {
	switch strings.ToLower(value) {
	case "1", "yes", "on", "true":
		return true
	}
	return false
}
