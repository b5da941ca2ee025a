// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "strings"

// modeChange is one letter of a MODE line.
type modeChange struct {
	add  bool
	mode byte
	arg  string
}

// parseModes takes a MODE line's parameters after the target apart, after
// CHANMODES and PREFIX. Arguments that are missing are "".
func (s *isupport) parseModes(params []string) []modeChange {
	if len(params) == 0 {
		return nil
	}
	var changes []modeChange
	letters, args := params[0], params[1:]
	add := true
	for i := 0; i < len(letters); i++ {
		switch letters[i] {
		case '+', '-':
			add = letters[i] == '+'
			continue
		}
		c := modeChange{add: add, mode: letters[i]}
		if s.takesArgument(c) && len(args) > 0 {
			c.arg, args = args[0], args[1:]
		}
		changes = append(changes, c)
	}
	return changes
}

func (s *isupport) takesArgument(c modeChange) bool {
	has := func(set string) bool { return strings.IndexByte(set, c.mode) >= 0 }
	return has(s.prefixModes) || has(s.chanModes[0]) || has(s.chanModes[1]) || c.add && has(s.chanModes[2])
}

// matchMask reports whether a ban mask (with * and ?) names who, both folded.
func matchMask(mask, who string) bool {
	star, mark := -1, 0
	m, w := 0, 0
	for w < len(who) {
		switch {
		case m < len(mask) && mask[m] == '*':
			star, mark = m, w
			m++
		case m < len(mask) && (mask[m] == '?' || mask[m] == who[w]):
			m++
			w++
		case star >= 0:
			mark++
			m, w = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(mask[m:], "*") == ""
}
