// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strconv"
	"strings"
)

// isupport is what a server says about itself (numeric 005). The zero value
// is not useful; see newISupport.
type isupport struct {
	casemap   casemap
	chanTypes string
	// prefixModes and prefixSigns are parallel, highest rank first: "qaohv"
	// and "~&@%+".
	prefixModes, prefixSigns string
	// chanModes are the classes of CHANMODES: lists (A), with argument (B),
	// with argument when set (C), without (D).
	chanModes [4]string
	statusMsg string
	// nickLen and topicLen are 0 while the server has not said.
	nickLen, topicLen int
	// lineLen is the longest line with its source and CRLF.
	lineLen int
	// monitor is how many nicks MONITOR watches; 0: no MONITOR.
	monitor int
	whox    bool
	elist   string
	network string
	bot     string
}

// maxLineLen bounds what a server may promise by LINELEN.
const maxLineLen = 16 << 10

func newISupport() isupport {
	return isupport{
		casemap: casemapRFC1459, chanTypes: "#&",
		prefixModes: "ov", prefixSigns: "@+",
		chanModes: [4]string{"beI", "k", "l", "imnpst"}, lineLen: 512,
	}
}

// apply takes over one token of a 005 line, "NICKLEN=30"; what it does not
// know, or what makes no sense, changes nothing.
func (s *isupport) apply(token string) {
	key, value, _ := strings.Cut(token, "=")
	switch strings.ToUpper(key) {
	case "CASEMAPPING":
		s.casemap = casemap(strings.ToLower(value))
	case "CHANTYPES":
		s.chanTypes = value
	case "PREFIX":
		s.applyPrefix(value)
	case "CHANMODES":
		s.applyChanModes(value)
	case "STATUSMSG":
		s.statusMsg = value
	case "NICKLEN", "MAXNICKLEN":
		s.nickLen = number(value, 1, 512, s.nickLen)
	case "TOPICLEN":
		s.topicLen = number(value, 1, maxLineLen, s.topicLen)
	case "LINELEN":
		s.lineLen = number(value, 512, maxLineLen, s.lineLen)
	case "MONITOR":
		s.monitor = number(value, 1, 1000, 100)
	case "-MONITOR":
		s.monitor = 0
	case "WHOX":
		s.whox = true
	case "ELIST":
		s.elist = strings.ToUpper(value)
	case "NETWORK":
		s.network = value
	case "BOT":
		s.bot = value
	}
}

func (s *isupport) applyPrefix(value string) {
	if value == "" {
		s.prefixModes, s.prefixSigns = "", ""
		return
	}
	modes, signs, ok := strings.Cut(strings.TrimPrefix(value, "("), ")")
	if ok && value[0] == '(' && len(modes) == len(signs) && len(modes) <= 16 {
		s.prefixModes, s.prefixSigns = modes, signs
	}
}

func (s *isupport) applyChanModes(value string) {
	classes := strings.Split(value, ",")
	for i := range s.chanModes {
		s.chanModes[i] = ""
		if i < len(classes) {
			s.chanModes[i] = classes[i]
		}
	}
}

// number parses an announced limit, held between low and high; fallback where
// it is none.
func number(value string, low, high, fallback int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < low {
		return fallback
	}
	return min(n, high)
}

// isChannel reports whether a name is a channel's.
func (s *isupport) isChannel(name string) bool {
	return name != "" && strings.IndexByte(s.chanTypes, name[0]) >= 0
}

// channelOf strips the signs of a STATUSMSG target ("@#chan" is meant for the
// operators of #chan).
func (s *isupport) channelOf(target string) string {
	bare := strings.TrimLeft(target, s.statusMsg)
	if s.statusMsg != "" && s.isChannel(bare) {
		return bare
	}
	return target
}

// splitSigns separates the signs before a nick in NAMES and WHO ("@+nick").
func (s *isupport) splitSigns(name string) (signs, nick string) {
	nick = strings.TrimLeft(name, s.prefixSigns)
	return s.sortSigns(name[:len(name)-len(nick)]), nick
}

// sortSigns orders signs by rank, each once.
func (s *isupport) sortSigns(signs string) string {
	var b []byte
	for i := 0; i < len(s.prefixSigns); i++ {
		if strings.IndexByte(signs, s.prefixSigns[i]) >= 0 {
			b = append(b, s.prefixSigns[i])
		}
	}
	return string(b)
}

// sign is the sign of a prefix mode, 'o' to '@'; 0 where it is none.
func (s *isupport) sign(mode byte) byte {
	if i := strings.IndexByte(s.prefixModes, mode); i >= 0 {
		return s.prefixSigns[i]
	}
	return 0
}

// modeOf is the prefix mode of a sign, '@' to 'o'. Signs that a network uses
// for "!" and its like under a mode of its own give that mode.
func (s *isupport) modeOf(sign byte) byte {
	if i := strings.IndexByte(s.prefixSigns, sign); i >= 0 {
		return s.prefixModes[i]
	}
	return 0
}
