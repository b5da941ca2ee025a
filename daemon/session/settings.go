// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"maps"

	"spectrum.im/spectrum2/daemon/store"
)

// settingTypes are those of the settings that we know; others are strings.
var settingTypes = map[string]int{
	"enable_transport": store.SettingBoolean,
	"send_headlines":   store.SettingBoolean,
	"stay_connected":   store.SettingBoolean,
}

// settingWanted: a setting of the user's own changes.
type settingWanted struct {
	name, value string
	reply       chan<- error
}

func (e settingWanted) apply(ctx context.Context, s *Session) {
	if !s.kept() {
		e.use(ctx, s)
		return
	}
	w := s.settingWrite(e.name, e.value)
	w.done = func(err error) event { return settingKept{e, err} }
	s.soon(w)
}

// settingKept: the store has a setting, or not.
type settingKept struct {
	settingWanted
	err error
}

func (e settingKept) apply(ctx context.Context, s *Session) {
	if e.err != nil {
		e.reply <- e.err
		return
	}
	e.use(ctx, s)
}

// use lets a setting have its effect.
func (e settingWanted) use(ctx context.Context, s *Session) {
	s.useSetting(e.name, e.value)
	switch e.name {
	case "enable_transport":
		s.switched(ctx)
	case "stay_connected":
		s.account.pinned = false
		s.maybeLeave(ctx)
	}
	e.reply <- nil
}

// keepSetting uses a setting from now on, and writes it behind the session.
func (s *Session) keepSetting(name, value string) {
	s.useSetting(name, value)
	if s.kept() {
		w := s.settingWrite(name, value)
		w.key = "setting " + name
		s.later(w)
	}
}

func (s *Session) settingWrite(name, value string) *write {
	typ, known := settingTypes[name]
	if !known {
		typ = store.SettingString
	}
	id := s.account.user.ID
	return &write{what: "setting", run: func(ctx context.Context, t store.Token) error {
		return s.o.Store.SetSetting(ctx, t, id, name, typ, value)
	}}
}

func (s *Session) useSetting(name, value string) {
	settings := map[string]string{}
	maps.Copy(settings, s.account.user.Settings)
	settings[name] = value
	s.account.user.Settings = settings
}

// switched: the user switched his account off or on.
func (s *Session) switched(ctx context.Context) {
	if why := s.refusal(); why != "" {
		s.logOut(ctx, Disabled, why)
	} else if !s.clients.deserted() {
		s.logIn(ctx)
	} else if s.account.state == Disabled {
		s.setState(ctx, Offline, "")
	}
}
