// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"spectrum.im/spectrum2/spectrumctl/screen"
)

// maxSecretFile bounds what is read as a password.
const maxSecretFile = 64 << 10

// interactive reports whether there is somebody to ask.
func (t *tool) interactive() bool { return screen.IsTerminal(t.in) }

// prompts is where questions go: standard error, or the terminal itself where
// that leads elsewhere.
func (t *tool) prompts() (s *screen.Screen, done func()) {
	if t.err.Terminal {
		return t.err, func() {}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return t.err, func() {}
	}
	return screen.New(tty, t.noColor, t.getenv), func() { tty.Close() }
}

// asker asks questions and reads the answers, line by line.
type asker struct {
	in  *bufio.Reader
	out *screen.Screen
	// done is called after the last question.
	done func()
}

func (t *tool) asker() *asker {
	out, done := t.prompts()
	return &asker{bufio.NewReader(t.in), out, done}
}

// ask asks until check is content; an empty answer is the default.
func (a *asker) ask(question, def string, check func(string) error) (string, error) {
	for {
		prompt := question
		if def != "" {
			prompt += " [" + def + "]"
		}
		fmt.Fprintf(a.out, "%s: ", a.out.Paint(screen.Bold, prompt))
		line, err := a.in.ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return "", fmt.Errorf("read the answer: %w", err)
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = def
		}
		if err := check(answer); err != nil {
			fmt.Fprintf(a.out, "  %v\n", err)
			continue
		}
		return answer, nil
	}
}

// confirm asks a question whose answer is no unless it is yes.
func (a *asker) confirm(question string) (bool, error) {
	answer, err := a.ask(question+" (yes/no)", "no", func(s string) error {
		switch strings.ToLower(s) {
		case "yes", "y", "no", "n":
			return nil
		}
		return errors.New("please answer yes or no")
	})
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

// secret asks for a password without showing it.
func (t *tool) secret(question string) (string, error) {
	f, ok := t.in.(*os.File)
	if !ok {
		return "", errors.New("there is no terminal to ask on")
	}
	out, done := t.prompts()
	defer done()
	shown, err := silence(int(f.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	defer shown()
	fmt.Fprintf(out, "%s: ", out.Paint(screen.Bold, question))
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(out)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(b), nil
}

// silence turns a terminal's echo off until shown is called: before anybody is
// asked, who may type at once.
func silence(fd int) (shown func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, err
	}
	return func() {
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, before) // the terminal is gone
	}, nil
}

// secretFile reads the first line of a file, or of stdin for "-".
func (t *tool) secretFile(path string) (string, error) {
	r := t.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxSecretFile))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
