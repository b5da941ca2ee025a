// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// arguments is what a main process starts a backend with:
//
//	--host HOST --port PORT --service.backend_id=N [--section.key=value…] CONFIG
//
// and, for the extension, --service.backend_socket=PATH and
// --service.backend_token_fd=FD. What else there is belongs to the main
// process and is ignored, as version 1 asks for.
type arguments struct {
	host, port string
	id         int
	socket     string
	tokenFD    int // -1: none
	config     string
	// rest is what the configuration is loaded with: all --section.key=value.
	rest    []string
	help    bool
	version bool
}

func parseArguments(args []string) (arguments, error) {
	a := arguments{tokenFD: -1}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			a.config = args[i]
			continue
		}
		if takesNext(name) && !has {
			if i++; i == len(args) {
				return a, fmt.Errorf("argument %s needs a value", name)
			}
			value, has = args[i], true
		}
		if err := a.set(name, value, has); err != nil {
			return a, err
		}
	}
	return a, a.check()
}

func takesNext(name string) bool { return name == "--host" || name == "--port" }

func (a *arguments) set(name, value string, has bool) error {
	var err error
	switch name {
	case "--host":
		a.host = value
	case "--port":
		a.port = value
	case "--service.backend_id":
		a.id, err = number(name, value)
	case "--service.backend_socket":
		a.socket = value
	case "--service.backend_token_fd":
		a.tokenFD, err = number(name, value)
	case "--help", "-h":
		a.help = true
	case "--version":
		a.version = true
	default:
		if has && strings.Contains(name, ".") {
			a.rest = append(a.rest, name+"="+value)
		}
	}
	return err
}

func number(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("argument %s=%s: a number is wanted", name, value)
	}
	return n, nil
}

func (a *arguments) check() error {
	switch {
	case a.help || a.version:
		return nil
	case a.config == "":
		return errors.New("a configuration file is missing: a backend is started by its main process")
	case a.socket == "" && (a.host == "" || a.port == "" || a.port == "0"):
		return errors.New("--host and --port, or --service.backend_socket, are missing: a backend is started by its main process")
	}
	return nil
}
