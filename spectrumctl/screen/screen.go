// SPDX-License-Identifier: GPL-2.0-or-later

// Package screen is how spectrumctl shows things: tables, colour where a
// terminal is and nobody minds, and a line that moves while one waits. It
// knows nothing of what is shown.
package screen

import (
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/term"
)

// Colour is how a cell is painted on a terminal.
type Colour string

// The colours in use, as SGR sequences.
const (
	Plain  Colour = ""
	Bold   Colour = "1"
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Dim    Colour = "2"
)

// Screen is one output of the tool.
type Screen struct {
	io.Writer
	// Colours is set when the output may be painted.
	Colours bool
	// Terminal is set when somebody looks at it as it is written.
	Terminal bool
	// moving: a progress line is shown.
	moving atomic.Bool
}

// New looks at what w is. noColor forbids colour, as NO_COLOR in the
// environment (https://no-color.org) and TERM=dumb do.
func New(w io.Writer, noColor bool, getenv func(string) string) *Screen {
	s := &Screen{Writer: w, Terminal: IsTerminal(w)}
	dumb := getenv("TERM") == "dumb"
	s.Colours = s.Terminal && !noColor && getenv("NO_COLOR") == "" && !dumb
	s.Terminal = s.Terminal && !dumb
	return s
}

// Paint returns text in a colour, or as it is where there is none.
func (s *Screen) Paint(c Colour, text string) string {
	if !s.Colours || c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// IsTerminal reports whether v is a file that is a terminal.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
