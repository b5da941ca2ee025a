// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// systemd connects with it.
func (t *tool) systemd(ctx context.Context) (*units.Manager, error) {
	m, err := units.Connect(ctx, t.root, t.getenv)
	if errors.Is(err, units.ErrNoSystemd) {
		return nil, &failure{err: err, next: "what goes over the control socket works: status, users, backends, query, register, reload"}
	}
	return m, err
}

// ask opens the control socket of an instance and asks it; next steps are
// added to what goes wrong. The instance is never started by being asked.
func ask[T any](ctx context.Context, t *tool, name, what string, fn func(context.Context, *api.Client) (T, error)) (T, error) {
	var zero T
	c, err := t.client(ctx, name)
	if err == nil {
		defer c.Close()
		stop := t.err.Progress("waiting for " + name)
		var v T
		v, err = fn(ctx, c)
		stop()
		if err == nil {
			return v, nil
		}
	}
	f := cannot(what, err)
	if errors.Is(err, api.ErrNotRunning) && t.socket == "" {
		f.then("start it: spectrumctl start %s", name)
	}
	return zero, f
}

// client finds the instance's control socket.
func (t *tool) client(ctx context.Context, name string) (*api.Client, error) {
	if t.socket != "" {
		return api.Dial(t.socket), nil
	}
	paths := api.SocketPaths(t.root, name, t.getenv)
	if t.direct {
		return dialFirst(name, paths)
	}
	if m, err := units.Connect(ctx, t.root, t.getenv); err == nil {
		defer m.Close()
		s, err := m.State(ctx, name)
		if err == nil && !s.Reachable() {
			// systemd may hold the socket and would start the instance.
			paths = paths[1:]
		}
	}
	return dialFirst(name, paths)
}

// dialFirst takes the first socket that exists.
func dialFirst(name string, paths []string) (*api.Client, error) {
	for _, p := range paths {
		fi, err := os.Stat(p)
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("look for the control socket of %s: %w", name, err)
		}
		if err == nil && fi.Mode().Type() == fs.ModeSocket {
			return api.Dial(p), nil
		}
	}
	return nil, &api.Error{Code: api.CodeNotRunning, Text: name + " is not running"}
}

// targets are the instances that a command over the control socket is about:
// the ones named; with --socket the one behind it; otherwise all.
func (t *tool) targets(args []string) ([]string, error) {
	if t.socket != "" {
		if len(args) > 1 {
			return nil, usageError("--socket is one instance's: name at most one")
		}
		if len(args) == 1 {
			return args, nil
		}
		name := api.InstanceOfSocket(t.socket)
		if name == "" {
			name = t.socket
		}
		return []string{name}, nil
	}
	if len(args) > 0 {
		return args, t.known(args)
	}
	list, err := t.transports()
	if err != nil {
		return nil, err
	}
	all := names(list)
	if len(all) == 0 {
		return nil, (&failure{err: fmt.Errorf("there is no instance in %s", t.path(transportsDir))}).then("make one: spectrumctl new NAME")
	}
	return all, nil
}

// complete offers the instances' names to the shell.
func (t *tool) complete(done []string) []string {
	list, err := t.transports()
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range names(list) {
		if !slices.Contains(done, name) {
			out = append(out, name)
		}
	}
	return out
}
