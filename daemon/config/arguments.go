// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"regexp"
	"strings"
)

// argumentName is what a file could hold as section and key.
var argumentName = regexp.MustCompile(`^[^\s#;=\[\]\pC][^\s#=\pC]*$`)

// arguments reads "--section.key=value". What is not of that form is a
// mistake, or for a backend somebody else's ("--host HOST"). Nothing of an
// argument but a known key's name is repeated in a message.
func (l *loader) arguments(args []string) []item {
	var items []item
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "--")
		name, value, hasValue := strings.Cut(name, "=")
		isKey := isFlag && dotted(name) && argumentName.MatchString(name)
		switch {
		case isKey && hasValue:
			items = append(items, item{name: name, value: value})
		case isKey && l.lenient && i+1 < len(args) && !strings.HasPrefix(args[i+1], "--"):
			// The C++ version's parser takes the value apart from its key too.
			i++
			items = append(items, item{name: name, value: args[i]})
		case !l.lenient:
			l.fail(Problem{Text: "an argument that is not of the form --section.key=value", Instead: "--service.port=5347, for example"})
		}
	}
	return items
}
