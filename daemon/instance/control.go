// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"spectrum.im/spectrum2/daemon/admin"
	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/systemd"
)

// controlled is the instance as the control socket sees it (control.Instance).
type controlled struct{ *Instance }

// serveControl opens the control socket; the function it returns closes it.
func (i *Instance) serveControl() (stop func(), err error) {
	l, err := i.controlListener()
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, l, controlled{i}, i.logs.Logger("control")) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			i.log.Error("control socket failed", "err", err)
		}
	}, nil
}

// controlListener is systemd's socket, or one of our own at the first place
// that can be written.
func (i *Instance) controlListener() (net.Listener, error) {
	if ls := i.opts.Inherited.Listeners[systemd.SocketControl]; len(ls) > 0 {
		return ls[0], nil
	}
	if i.inService() {
		i.log.Warn("systemd gave no control socket, making one: run systemctl daemon-reload")
	}
	paths := api.SocketPaths("", i.Config().Instance, os.Getenv)
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		paths = []string{filepath.Join(dir, "control.sock")}
	}
	var errs []error
	for _, path := range paths {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("%s: no such directory", filepath.Dir(path)))
			continue
		}
		l, err := control.Listen(path)
		if err == nil {
			return l, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (c controlled) Status(context.Context) api.Status {
	cfg, link := c.Config(), c.linkState.Load()
	backends := c.backends.Backends()
	resident, _ := ownMemory()
	mode, line := api.ModeGateway, &api.Link{Connected: link.Connected, Address: link.Addr, Text: link.Text, Next: link.Next}
	if c.side != nil {
		mode, line = api.ModeServer, nil
	}
	st := api.Status{
		Instance: cfg.Instance, JID: c.jid, Mode: mode, Backend: cfg.Service.Program(), Build: c.opts.Version,
		PID: os.Getpid(), Started: c.started, State: c.state(), Text: c.sentence(),
		Users: c.sessions.online(), Backends: len(backends), Memory: int64(resident) << 10,
		Link:     line,
		FromXMPP: int64(c.fromXMPP.Load()), ToXMPP: int64(c.toXMPP.Load()),
		Crashed: len(c.backends.Crashed()), NeedRestart: *c.pending.Load(),
	}
	if c.side != nil {
		c.side.describe(&st)
	}
	for _, b := range backends {
		st.Memory += b.RSS
	}
	for _, w := range *c.warnings.Load() {
		st.Warnings = append(st.Warnings, w.String())
	}
	return st
}

func (c controlled) state() string {
	switch {
	case c.stopping.Load():
		return api.StateStopping
	case !c.linkState.Load().Connected, c.storeProblem() != "":
		if !closed(c.linked) {
			return api.StateStarting
		}
		return api.StateReconnecting
	}
	return api.StateRunning
}

func (c controlled) Users(context.Context) []api.User {
	var out []api.User
	for _, s := range c.sessions.statuses() {
		if s.State == session.Offline {
			continue
		}
		out = append(out, api.User{
			JID: s.User, LegacyName: s.LegacyName, State: s.State.String(), Since: s.Since, Text: s.Text,
			Backend: s.BackendID, Resources: len(s.Resources), Contacts: s.Contacts, Rooms: s.Rooms, Active: s.LastActivity,
		})
	}
	return out
}

func (c controlled) Backends(context.Context) []api.Backend {
	var out []api.Backend
	for _, b := range c.backends.Backends() {
		out = append(out, api.Backend{
			ID: b.ID, PID: b.PID, Program: b.Program, State: b.State, Since: b.Since, Users: b.Users,
			Memory: b.RSS, Initial: b.Stats.InitRes << 10, Shared: b.Stats.Shared << 10,
			Level: b.Level, Draining: b.Draining, Scope: b.Scope,
		})
	}
	return out
}

func (c controlled) Query(ctx context.Context, line string) (string, error) {
	text, failed := c.table.Query(ctx, admin.Caller{Admin: true}, line)
	if failed {
		return "", &api.Error{Code: api.CodeFailed, Text: text}
	}
	return text, nil
}

func (c controlled) Register(ctx context.Context, r api.Registration) error {
	return c.apiError(own(c).Add(ctx, r.JID, r.LegacyName, r.Password))
}

func (c controlled) Unregister(ctx context.Context, jid string) error {
	err := own(c).Unregister(ctx, jid)
	if err != nil && register.RefusalOf(err).Condition == "registration-required" {
		return &api.Error{Code: api.CodeNotFound, Text: jid + " is not registered"}
	}
	return c.apiError(err)
}

// apiError chooses the code for an error; the text is the sentence that the
// user would read too, or the reason where he is told of an administrator's log:
// who may use the control socket is one.
func (c controlled) apiError(err error) error {
	if err == nil {
		return nil
	}
	code, text := api.CodeFailed, c.explain(err)
	switch register.RefusalOf(err).Condition {
	case "conflict":
		code = api.CodeExists
	case "not-acceptable", "jid-malformed":
		code = api.CodeBadRequest
	case "resource-constraint":
		code, text = api.CodeUnavailable, err.Error()
	case "internal-server-error":
		text = err.Error()
	case "service-unavailable":
		code = api.CodeUnavailable
	}
	return &api.Error{Code: code, Text: text}
}

func (c controlled) Reload(ctx context.Context) (api.Reload, error) {
	changed, needRestart, warnings, err := c.reload(ctx)
	if err != nil {
		return api.Reload{}, err
	}
	r := api.Reload{Changed: changed, NeedRestart: needRestart}
	for _, w := range warnings {
		r.Warnings = append(r.Warnings, w.String())
	}
	return r, nil
}
