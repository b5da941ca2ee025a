// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// maxSecret bounds a secret's file.
const maxSecret = 64 << 10

// The forms of a value that stands elsewhere. The last one is what
// BackendCopy writes where the notation has no way to say a value.
const (
	refCredential = "$credential:"
	refFile       = "$file:"
	refBase64     = "$base64:"
)

func isReference(v string) bool {
	return strings.HasPrefix(v, refCredential) || strings.HasPrefix(v, refFile) || strings.HasPrefix(v, refBase64)
}

// resolveAll returns the group's values with the references followed where
// the key is a secret. It leaves out what could not be read, after saying so.
func (l *loader) resolveAll(g *group, secret bool) []string {
	values := make([]string, 0, len(g.items))
	for i, it := range g.items {
		v := it.value
		switch {
		case secret && isReference(v), strings.HasPrefix(v, refBase64):
			var err error
			if v, err = l.resolve(it, g.full); err != nil {
				l.fail(l.at(it, g.full, err.Error(), ""))
				continue
			}
		case secret && v != "" && it.line == 0:
			if !l.lenient {
				l.warn(l.at(it, g.full, "is an argument: everybody on this machine can see it in the list of processes", "it into the file, or $file:PATH"))
			}
		case secret && v != "":
			l.private = true
			if it.cut {
				l.warn(l.at(it, g.full, "everything from # on is a comment and does not belong to the value", "$file:PATH, if the # belongs to it, and the value in that file"))
			}
		}
		if !secret {
			g.items[i].value = v // for Sections
		}
		values = append(values, v)
	}
	return values
}

var credentialName = regexp.MustCompile(`^[A-Za-z0-9_.@:-]{1,255}$`)

// resolve reads what the value refers to. Its errors name the place, never
// what is there.
func (l *loader) resolve(it item, full string) (string, error) {
	if text, ok := strings.CutPrefix(it.value, refBase64); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", errors.New("is not in base64")
		}
		return string(b), nil
	}
	if l.inspect {
		return it.value, nil
	}
	if name, ok := strings.CutPrefix(it.value, refCredential); ok {
		if !credentialName.MatchString(name) || name == "." || name == ".." {
			return "", errors.New("is not the name of a credential; write $credential:NAME")
		}
		if s, ok := l.fresh[name]; ok {
			return content("the credential "+name, s.Reveal())
		}
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", fmt.Errorf("there is no credential %s: $CREDENTIALS_DIRECTORY is not set; "+
				"add LoadCredential=%s:PATH to the unit, or write $file:PATH", name, name)
		}
		return readSecret(filepath.Join(dir, name))
	}
	path := strings.TrimPrefix(it.value, refFile)
	if !filepath.IsAbs(path) {
		return "", errors.New("names a secret's file without its whole path; write $file:/etc/spectrum2/NAME.secret")
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		l.warn(l.at(it, full, "everybody can read "+path, "chmod 0640 "+path+" on a command line"))
	}
	return readSecret(path)
}

// readSecret does not wait for a writer, should path be a FIFO.
func readSecret(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", shortPathError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", shortPathError(err)
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("%s is too large for a secret", path)
	}
	return content(path, string(b))
}

// content is the secret in what is kept at a place.
func content(where, text string) (string, error) {
	v := strings.TrimRight(text, "\r\n")
	if v == "" {
		return "", fmt.Errorf("%s is empty", where)
	}
	return v, nil
}

// shortPathError leaves out the system call's name.
func shortPathError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("cannot read %s: %w", pe.Path, pe.Err)
	}
	return err
}
