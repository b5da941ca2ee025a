// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/systemd/generator"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// enableOnDemand has systemd listen for an instance's clients from boot on,
// and at once if wanted.
func (t *tool) enableOnDemand(ctx context.Context, m *units.Manager, name string, now bool) (string, error) {
	what := "enable " + name + " on demand"
	c, err := t.serverConfig(name)
	if err != nil {
		return "", cannot(what, err)
	}
	sockets := generator.ClientSockets(c)
	if len(sockets) == 0 {
		return "", cannot(what, fmt.Errorf("systemd cannot listen on %q, which is not an address", c.Service.Server)).
			then("write an address as service.server into %s", c.File)
	}
	changed, err := m.EnableSockets(ctx, sockets)
	if err != nil {
		return "", rootOnly(cannot(what, err))
	}
	text := "starts with its first client from now on"
	if !changed {
		text = "started with its first client already"
	} else if err := m.DaemonReload(ctx); err != nil {
		return "", rootOnly(cannot("tell systemd about "+name, err))
	}
	if !now {
		return text, nil
	}
	for _, unit := range sockets {
		if err := m.DoUnit(ctx, units.Start, unit); err != nil {
			return "", rootOnly(cannot("listen for clients of "+name, err)).then("systemctl status %s says why", unit)
		}
	}
	return text + "\nsystemd listens for clients", nil
}

// stopSockets ends the listening of sockets that nothing needs any more.
func (t *tool) stopSockets(ctx context.Context, m *units.Manager, name string) error {
	var errs []error
	for _, unit := range generator.AllClientSockets(name) {
		s, err := m.UnitActive(ctx, unit)
		if err == nil && s {
			err = m.DoUnit(ctx, units.Stop, unit)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return rootOnly(cannot("stop listening for clients of "+name, err))
	}
	return nil
}
