// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"strings"
)

// Problem is one mistake in a configuration, or one thing worth knowing about
// it. No field ever holds a secret, nor the value of a key that could be one.
type Problem struct {
	// File is the configuration file, "" for a command line's argument.
	File string `json:"file,omitempty"`
	// Line counts from 1; 0 where no line is to blame.
	Line int `json:"line,omitempty"`
	// Key is the full name ("service.port"), "" where there is none.
	Key string `json:"key,omitempty"`
	// Text says what is wrong.
	Text string `json:"text"`
	// Instead says what to write, as a phrase that follows "write".
	Instead string `json:"instead,omitempty"`
}

// String is one line: place, key, what is wrong, what to write instead.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.place())
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.Text)
	if p.Instead != "" {
		b.WriteString("; write " + p.Instead)
	}
	return b.String()
}

func (p Problem) place() string {
	switch {
	case p.File == "":
		return "command line"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Errors are all the mistakes of a configuration, in the order of its lines.
type Errors []Problem

func (e Errors) Error() string { return lines(e) }

// Warnings are what a configuration's administrator should know; it is usable.
type Warnings []Problem

func (w Warnings) String() string { return lines(w) }

func lines(ps []Problem) string {
	s := make([]string, len(ps))
	for i, p := range ps {
		s[i] = p.String()
	}
	return strings.Join(s, "\n")
}
