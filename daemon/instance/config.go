// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/session"
)

// reload reads the configuration file again. On an error the old one stays.
// What cannot change in a running instance keeps its value and is named.
func (i *Instance) reload(ctx context.Context) (changed, needRestart []string, warnings config.Warnings, err error) {
	i.reloads.Lock()
	defer i.reloads.Unlock()
	if err := i.opts.Notifier.Reloading(); err != nil {
		i.log.Debug("systemd was not told of the reload", "err", err)
	}
	defer i.opts.Notifier.Ready()
	old := i.Config()
	next, warnings, err := config.LoadGiven(i.opts.File, i.opts.Args, i.given)
	if err != nil {
		i.log.Error("configuration not reloaded, the old one stays", "err", err)
		return nil, nil, nil, err
	}
	changed, needRestart = config.Diff(old, next)
	next = next.Keep(old)
	if err := i.takeOver(ctx, old, next); err != nil {
		i.log.Error("configuration not reloaded, the old one stays", "err", err)
		return nil, nil, nil, err
	}
	i.config.Store(next)
	i.warnings.Store(&warnings)
	i.pending.Store(&needRestart)
	for _, w := range warnings {
		i.log.Warn("configuration: " + w.String())
	}
	i.logs.SetLevels(next.Logging.Level, next.Logging.Levels)
	if next.Logging.File != old.Logging.File {
		if err := i.logs.SetFile(next.Logging.File); err != nil {
			i.log.Warn("log file not opened, the journal has everything", "err", err)
		}
	}
	limit, burst := loginRate(next)
	i.logins.SetLimit(limit)
	i.logins.SetBurst(burst)
	i.backends.Reload()
	changed = slices.DeleteFunc(changed, func(k string) bool { return slices.Contains(needRestart, k) })
	i.log.Info("configuration reloaded", "changed", changed, "needs_restart", needRestart)
	i.poke()
	return changed, needRestart, warnings, nil
}

// takeOver brings what can fail into effect, all of it or nothing. A key comes
// last: the database remembers it from the moment that it is in use.
func (i *Instance) takeOver(ctx context.Context, old, next *config.Config) error {
	if i.side != nil {
		if err := i.side.reload(next); err != nil {
			return err
		}
	}
	err := i.takeKeys(ctx, old, next)
	if err != nil && i.side != nil {
		err = errors.Join(err, i.side.reload(old))
	}
	return err
}

// UseCredentials implements control.Credentials.
func (i *Instance) UseCredentials(given map[string]config.Secret) {
	i.reloads.Lock()
	defer i.reloads.Unlock()
	i.given = given
}

// ReopenLog opens the log file anew, after it was rotated.
func (i *Instance) ReopenLog() {
	if err := i.logs.Reopen(); err != nil {
		i.log.Warn("log file not reopened", "err", err)
	}
}

// Hangup is what SIGHUP means: the log file is opened anew and the
// configuration read again.
func (i *Instance) Hangup(ctx context.Context) {
	i.ReopenLog()
	_, _, _, _ = i.reload(ctx) // it logs its own errors
}

// preset is the configuration as sessions see it, kept because each of them
// asks before every event. It is right for one configuration and for what of
// the backend's features is in it.
type preset struct {
	cfg                       *config.Config
	muc, search, plainAddress bool
	settings                  session.Settings
}

// sessionSettings are the configuration as sessions see it. Nobody changes
// what they refer to.
func (i *Instance) sessionSettings() session.Settings {
	cfg, f := i.Config(), i.features()
	if p := i.preset.Load(); p != nil && p.cfg == cfg && p.muc == f.MUC && p.search == (f.Search != nil) && p.plainAddress == f.DisableJIDEscaping {
		return p.settings
	}
	p := &preset{cfg: cfg, muc: f.MUC, search: f.Search != nil, plainAddress: f.DisableJIDEscaping, settings: session.Settings{
		Addresses:  addressesOf(i.jid, cfg, f),
		ServerMode: cfg.Service.ServerMode,
		Name:       cfg.Identity.Name, Version: i.opts.Version, Caps: capsOf(cfg, f),
		XHTML: cfg.Service.EnableXHTML, RemoveBuddy: cfg.Service.EnableRemoveBuddy,
		OOBReplaceBody: cfg.Service.OOBReplaceBody, OOBSplit: cfg.Service.OOBSplit,
		VIPOnly: cfg.Service.VIPOnly, VIPMessage: cfg.Service.VIPMessage,
		SendHeadlines: cfg.Settings.SendHeadlines, StayConnected: cfg.Settings.StayConnected,
	}}
	if cfg.Service.ServerMode && cfg.Database.Type != "none" && cfg.Archive.Rooms && cfg.Archive.Days > 0 {
		p.settings.RoomFeatures = personal.RoomFeatures()
	}
	i.preset.Store(p)
	return p.settings
}

// addresses map names: by XEP-0106, unless configuration or backend says no.
func (i *Instance) addresses() session.Addresses {
	return addressesOf(i.jid, i.Config(), i.features())
}

func addressesOf(jid string, cfg *config.Config, f pbnetwork.Features) session.Addresses {
	return session.Addresses{Transport: jid, Escape: cfg.Service.JIDEscaping && !f.DisableJIDEscaping}
}

// scopeLimits are the limits of each backend's scope by systemd's names.
func scopeLimits(cfg *config.Config) map[string]string {
	limits := map[string]string{}
	for name, value := range map[string]string{
		"memory_max": cfg.Scope.MemoryMax, "memory_high": cfg.Scope.MemoryHigh,
		"tasks_max": cfg.Scope.TasksMax, "cpu_weight": cfg.Scope.CPUWeight,
	} {
		if value != "" {
			limits[name] = value
		}
	}
	return limits
}

// sayEnvironment warns of what the administrator should know about how the
// instance was started.
func (i *Instance) sayEnvironment() {
	cfg := i.Config()
	if !i.inService() {
		i.log.Warn("not running as a systemd service: backends are plain children without scopes and limits")
		return
	}
	if u := cfg.Service.User; u != "" && u != "spectrum" {
		i.log.Warn(fmt.Sprintf("service.user = %s has no effect: the unit says who runs the instance", u))
	}
}
