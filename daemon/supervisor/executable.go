// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errPermanent marks errors at start that stay until somebody acts.
var errPermanent = errors.New("cannot be started")

// systemFolders are where the C++ packages put programs: what lies there is
// not taken for a backend of ours.
var systemFolders = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/lib/spectrum2"}

// ourNames are our backends that the C++ version had under another name.
var ourNames = map[string]string{"libcommuni": "irc", "swiften": "xmpp", "smstools3": "sms"}

// program is what service.backend leads to.
type program struct {
	path string
	// args are further words of service.backend.
	args []string
	// ours: one of the project's own, which needs no TCP.
	ours bool
}

// defaultLibexec are the folders with our backends: the package's, and the one
// of this executable when it runs from a build tree.
func defaultLibexec() []string {
	folders := []string{"/usr/libexec/spectrum2"}
	if self, err := os.Executable(); err == nil {
		if dir := filepath.Dir(self); !slices.Contains(systemFolders, dir) {
			folders = append(folders, dir)
		}
	}
	return folders
}

// findProgram resolves service.backend for the backend number: BACKEND_ID is
// replaced, words are split as the C++ version's popt did, a bare name or a
// path of the C++ packages means our backend of that name.
func findProgram(setting string, number int, libexec []string) (program, error) {
	words, err := splitWords(strings.ReplaceAll(setting, "BACKEND_ID", strconv.Itoa(number)))
	if err != nil {
		return program{}, fmt.Errorf("%w: service.backend = %s: %w", errPermanent, setting, err)
	}
	if len(words) == 0 {
		return program{}, fmt.Errorf("%w: service.backend is empty", errPermanent)
	}
	p := program{path: words[0], args: words[1:]}
	dir, name := filepath.Split(words[0])
	if dir == "" || slices.Contains(systemFolders, filepath.Clean(dir)) {
		if path := findOurs(name, libexec); path != "" {
			return program{path: path, args: p.args, ours: true}, checkExecutable(path)
		}
	}
	if dir == "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return p, fmt.Errorf("%w: there is no backend %s in %s (service.backend)", errPermanent, name, strings.Join(libexec, " or "))
		}
		p.path = path
	}
	if p.path, err = filepath.Abs(p.path); err != nil {
		return p, fmt.Errorf("find backend %s: %w", p.path, err)
	}
	p.ours = slices.Contains(libexec, filepath.Dir(p.path))
	return p, checkExecutable(p.path)
}

// findOurs is the path of our backend called name, in any of its forms
// (spectrum2_irc_backend, irc_backend, irc), "" if there is none.
func findOurs(name string, libexec []string) string {
	core := strings.TrimSuffix(strings.TrimPrefix(name, "spectrum2_"), "_backend")
	names := []string{name, "spectrum2_" + core + "_backend"}
	if ours := ourNames[core]; ours != "" {
		names = append(names, "spectrum2_"+ours+"_backend")
	}
	for _, dir := range libexec {
		for _, n := range names {
			path := filepath.Join(dir, n)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// checkExecutable says in plain words why a path cannot be executed.
func checkExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s does not exist (service.backend)", errPermanent, path)
	case err != nil:
		return fmt.Errorf("%w: %w (service.backend)", errPermanent, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a file (service.backend)", errPermanent, path)
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return fmt.Errorf("%w: %s is not executable for this user (service.backend)", errPermanent, path)
	}
	return nil
}

// splitWords splits a command line at blanks; ' and " quote, \ takes the next
// character as it is.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
