// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"fmt"
	"os"

	"spectrum.im/spectrum2/daemon/control/api"
)

// waiting is an instance without its database as the control socket sees it
// (control.Instance): it says what it waits for, and refuses the rest.
type waiting struct{ *wait }

func (w waiting) Status(context.Context) api.Status {
	resident, _ := ownMemory()
	mode := api.ModeGateway
	if w.cfg.Service.ServerMode {
		mode = api.ModeServer
	}
	st := api.Status{
		Instance: w.cfg.Instance, JID: w.jid, Mode: mode, Backend: w.cfg.Service.Program(), Build: w.opts.Version,
		PID: os.Getpid(), Started: w.started, State: api.StateReconnecting, Text: *w.why.Load(), Memory: int64(resident) << 10,
	}
	for _, warning := range *w.warnings.Load() {
		st.Warnings = append(st.Warnings, warning.String())
	}
	return st
}

func (w waiting) Users(context.Context) []api.User { return nil }

func (w waiting) Backends(context.Context) []api.Backend { return nil }

func (w waiting) Query(context.Context, string) (string, error) { return "", w.notYet() }

func (w waiting) Register(context.Context, api.Registration) error { return w.notYet() }

func (w waiting) Unregister(context.Context, string) error { return w.notYet() }

func (w waiting) Reload(context.Context) (api.Reload, error) {
	return api.Reload{}, &api.Error{Code: api.CodeUnavailable, Text: fmt.Sprintf(
		"the instance is %s; it reads a changed file when it is restarted: spectrumctl restart %s", *w.why.Load(), w.cfg.Instance)}
}

func (w waiting) notYet() error {
	return &api.Error{Code: api.CodeUnavailable, Text: "the instance is " + *w.why.Load()}
}
