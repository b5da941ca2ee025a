// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/systemd/generator"
	"spectrum.im/spectrum2/spectrumctl/units"
)

// answerTime is how long an instance may take to answer when one of many is
// looked at.
const answerTime = 3 * time.Second

// The states of an instance as the tool shows them.
const (
	stateRunning      = "running"
	stateReconnecting = "reconnecting"
	stateStarting     = "starting"
	stateStopping     = "stopping"
	stateReloading    = "reloading"
	stateStopped      = "stopped"
	stateFailed       = "failed"
	stateBroken       = "broken"
	stateMisnamed     = "misnamed"
	stateUnknown      = "unknown"
)

// instance is everything that is known of one, from its file, from systemd and
// from itself. Its JSON is what list and status print.
type instance struct {
	Name     string     `json:"name"`
	JID      string     `json:"jid"`
	Mode     string     `json:"mode"`
	Backend  string     `json:"backend"`
	State    string     `json:"state"`
	Users    *int       `json:"users"`
	Backends *int       `json:"backends"`
	Memory   uint64     `json:"memory"`
	Limit    uint64     `json:"memory_max"`
	Since    *time.Time `json:"since"`
	// Uptime is in seconds.
	Uptime  *int64 `json:"uptime"`
	Enabled *bool  `json:"enabled"`
	// OnDemand: systemd listens for its clients, and the first starts it.
	OnDemand bool   `json:"on_demand"`
	PID      int    `json:"pid"`
	File     string `json:"file"`
	Text     string `json:"text"`
	// Problems are sentences, with file and line where they have one.
	Problems []string `json:"problems"`
	// Status is the instance's own answer; nil if it gave none.
	Status *api.Status `json:"status,omitempty"`
	unit   *units.State
}

// survey looks at all transports, and at the instances that systemd knows
// beside them, a few at a time.
func (t *tool) survey(ctx context.Context) ([]*instance, error) {
	list, err := t.transports()
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	m, sysErr := units.Connect(ctx, t.root, t.getenv)
	if sysErr == nil {
		defer m.Close()
		known, err := m.Known(ctx)
		if err != nil {
			return nil, err
		}
		list = addUnfiled(list, known)
	}
	if err != nil && len(list) == 0 {
		return nil, err
	}
	out := make([]*instance, len(list))
	var wg sync.WaitGroup
	places := make(chan struct{}, 8)
	for i, tr := range list {
		wg.Go(func() {
			places <- struct{}{}
			out[i] = t.inspect(ctx, m, tr)
			<-places
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// addUnfiled adds the instances that run or are enabled without a file.
func addUnfiled(list []transport, known []string) []transport {
	have := names(list)
	for _, name := range known {
		if !slices.Contains(have, name) {
			list = append(list, transport{name: name})
		}
	}
	return list
}

// inspect looks at one. m is nil without systemd.
func (t *tool) inspect(ctx context.Context, m *units.Manager, tr transport) *instance {
	i := &instance{Name: tr.name, File: tr.file, State: stateStopped, Problems: []string{}}
	if tr.misnamed != nil {
		i.State = stateMisnamed
		i.problem(tr.file + ": " + tr.misnamed.Error())
		return i
	}
	broken := i.readFile()
	if m != nil {
		i.readUnit(ctx, m)
	}
	i.readStatus(ctx, t)
	if broken && i.State == stateStopped {
		i.State = stateBroken
	}
	return i
}

func (i *instance) problem(text string) { i.Problems = append(i.Problems, text) }

// readFile takes what the configuration says, and reports whether it is broken.
func (i *instance) readFile() bool {
	if i.File == "" {
		i.problem("the service is known to systemd, but there is no file for it")
		return true
	}
	c, _, err := readConfig(i.File)
	var mistakes config.Errors
	switch {
	case errors.As(err, &mistakes):
		for _, p := range mistakes {
			i.problem(p.String())
		}
		return true
	case errors.Is(err, fs.ErrPermission):
		i.problem("cannot read " + i.File + ": use sudo to see what it says")
		return false
	case err != nil:
		i.problem(err.Error())
		return true
	}
	i.JID, i.Backend, i.Mode = c.Service.JID, c.Service.Program(), api.ModeGateway
	if c.Service.ServerMode {
		i.Mode = api.ModeServer
	}
	return false
}

// readUnit takes what systemd says.
func (i *instance) readUnit(ctx context.Context, m *units.Manager) {
	s, err := m.State(ctx, i.Name)
	if err != nil {
		i.State = stateUnknown
		i.problem(err.Error())
		return
	}
	i.unit = &s
	i.OnDemand = i.Mode == api.ModeServer && m.AnyEnabled(ctx, generator.AllClientSockets(i.Name))
	i.Enabled, i.PID, i.Memory, i.Limit, i.Text = &s.Enabled, s.PID, s.Memory, s.MemoryMax, s.Text
	if !s.Since.IsZero() {
		i.since(s.Since)
	}
	switch {
	case s.Retrying:
		i.State = stateFailed
		i.problem("the service failed: " + s.Why() + "; systemd starts it again in a moment")
	case s.Active == "active":
		i.State = stateRunning
	case s.Active == "reloading":
		i.State = stateReloading
	case s.Active == "activating":
		i.State = stateStarting
	case s.Active == "deactivating":
		i.State = stateStopping
	case s.Active == "failed":
		i.State = stateFailed
		i.problem("the service failed: " + s.Why())
	}
}

func (i *instance) since(at time.Time) {
	up := int64(time.Since(at).Seconds())
	i.Since, i.Uptime = &at, &up
}

// readStatus takes what the instance says of itself, if it runs.
func (i *instance) readStatus(ctx context.Context, t *tool) {
	c, err := t.clientOf(i)
	if err != nil {
		return
	}
	defer c.Close()
	i.ask(ctx, c)
}

func (i *instance) ask(ctx context.Context, c *api.Client) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	s, err := c.Status(ctx)
	if err != nil {
		if !errors.Is(err, api.ErrNotRunning) {
			i.problem("the instance did not say how it is: " + err.Error())
		}
		return
	}
	i.Status, i.Users, i.Backends, i.Text = &s, &s.Users, &s.Backends, s.Text
	i.JID, i.Mode, i.Backend = s.JID, s.Mode, s.Backend
	if i.Memory == 0 && s.Memory > 0 {
		i.Memory = uint64(s.Memory)
	}
	if i.Since == nil && !s.Started.IsZero() {
		i.since(s.Started)
	}
	if i.PID == 0 {
		i.PID = s.PID
	}
	if i.State == stateRunning || i.State == stateStopped {
		i.State = s.State
	}
	i.Problems = append(i.Problems, s.Warnings...)
}

// clientOf is client for an instance whose unit has been asked already.
func (t *tool) clientOf(i *instance) (*api.Client, error) {
	paths := api.SocketPaths(t.root, i.Name, t.getenv)
	if i.unit != nil && !i.unit.Reachable() {
		paths = paths[1:]
	}
	return dialFirst(i.Name, paths)
}
