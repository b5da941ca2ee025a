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
)

// askReload reloads an instance, with its credentials as they are now: systemd
// hands them over at a start only, and a key is changed while the instance
// runs. Whoever may not read them reloads with those of the start.
func (t *tool) askReload(name string) func(context.Context, *api.Client) (api.Reload, error) {
	return func(ctx context.Context, c *api.Client) (api.Reload, error) {
		fresh, err := t.freshCredentials(ctx, name)
		if err != nil {
			return api.Reload{}, &api.Error{Code: api.CodeFailed, Text: err.Error()}
		}
		return c.ReloadWith(ctx, fresh)
	}
}

// freshCredentials are those that the instance's configuration refers to and
// its drop-ins name.
func (t *tool) freshCredentials(ctx context.Context, name string) (map[string][]byte, error) {
	list, err := t.wantedLoads(name, t.fileOf(name))
	if err != nil || len(list) == 0 || !t.readable(list) {
		return nil, err
	}
	out := map[string][]byte{}
	for _, l := range list {
		b, err := t.decrypt(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("read the credential %s: %w", l.name, err)
		}
		out[l.name] = b
	}
	return out, nil
}

// wantedLoads are the credentials of an instance that its configuration refers
// to.
func (t *tool) wantedLoads(name, file string) (loads, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // of an instance that is run by hand
	}
	if err != nil {
		return nil, err
	}
	list, err := t.readDropIn(name)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(l load) bool { return !refersTo(string(text), l.name) }), nil
}

// readable reports whether the caller may read them at all.
func (t *tool) readable(list loads) bool {
	for _, l := range list {
		f, err := os.Open(t.path(l.path))
		if errors.Is(err, fs.ErrPermission) {
			return false
		}
		if err == nil {
			_ = f.Close() // only looked at
		}
	}
	return true
}
