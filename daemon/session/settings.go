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
	if err := s.keepSetting(ctx, e.name, e.value); err != nil {
		e.reply <- err
		return
	}
	switch e.name {
	case "enable_transport":
		s.switched(ctx)
	case "stay_connected":
		s.account.pinned = false
		s.maybeLeave(ctx)
	}
	e.reply <- nil
}

// keepSetting writes a setting and uses it from now on.
func (s *Session) keepSetting(ctx context.Context, name, value string) error {
	if s.kept() {
		typ, known := settingTypes[name]
		if !known {
			typ = store.SettingString
		}
		id := s.account.user.ID
		err := s.stored(ctx, "setting", func(ctx context.Context, t store.Token) error {
			return s.o.Store.SetSetting(ctx, t, id, name, typ, value)
		})
		if err != nil {
			return err
		}
	}
	settings := map[string]string{}
	maps.Copy(settings, s.account.user.Settings)
	settings[name] = value
	s.account.user.Settings = settings
	return nil
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
