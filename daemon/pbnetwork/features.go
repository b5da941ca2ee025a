// SPDX-License-Identifier: GPL-2.0-or-later

package pbnetwork

import (
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// Features is what a backend says about itself in BACKEND_CONFIG.
type Features struct {
	// NeedPassword: a login needs a password.
	NeedPassword bool
	// NeedRegistration: users must register before they can log in.
	NeedRegistration bool
	// ExtraFields are further registration fields, by their names.
	ExtraFields []string
	// Receipts: messages are confirmed by CONV_MESSAGE_ACK.
	Receipts bool
	// MUC: the network has rooms.
	MUC bool
	// RawXML: the backend wants stanzas as RAW_XML.
	RawXML bool
	// DisableJIDEscaping: addresses use the % form (see transport.md).
	DisableJIDEscaping bool
	// SendBuddiesOnLogin: the backend wants BUDDIES after LOGIN.
	SendBuddiesOnLogin bool

	// What follows is the extension's.

	// Authorization: people have to allow each other to see their presence;
	// answers to AUTH_REQUEST are wanted as such.
	Authorization bool
	// Search is what the directory can be searched for; nil without one. It must
	// not be changed.
	Search *SearchForm
	// Commands are those of the network's commands that have a form.
	Commands []*CommandSpec
}

// DefaultFeatures holds for a backend that sends no BACKEND_CONFIG.
func DefaultFeatures() Features {
	return Features{NeedPassword: true, NeedRegistration: true}
}

// ParseFeatures reads the INI text of a BACKEND_CONFIG; what it does not name
// has its default, keys it does not know are ignored.
func ParseFeatures(text string) (Features, error) {
	f := DefaultFeatures()
	file, err := ini.LoadSources(ini.LoadOptions{AllowShadows: true, AllowDuplicateShadowValues: true, IgnoreContinuation: true, Insensitive: true}, []byte(text))
	if err != nil {
		return f, fmt.Errorf("parse BACKEND_CONFIG: %w", err)
	}
	reg, feat := file.Section("registration"), file.Section("features")
	f.NeedPassword = boolean(reg, "needPassword", f.NeedPassword)
	f.NeedRegistration = boolean(reg, "needRegistration", f.NeedRegistration)
	if reg.HasKey("extraField") {
		f.ExtraFields = reg.Key("extraField").ValueWithShadows()
	}
	f.Receipts = boolean(feat, "receipts", false)
	f.MUC = boolean(feat, "muc", false)
	f.RawXML = boolean(feat, "rawxml", false)
	f.DisableJIDEscaping = boolean(feat, "disable_jid_escaping", false)
	f.SendBuddiesOnLogin = boolean(feat, "send_buddies_on_login", false)
	return f, nil
}

// FeaturesOf reads a BACKEND_CONFIG; extended says whether its sender speaks the
// extension. With an error the features are as far as they were understood.
func FeaturesOf(m *BackendConfig, extended bool) (Features, error) {
	f, err := ParseFeatures(m.GetConfig())
	if extended {
		f.Authorization, f.Search, f.Commands = m.GetAuthorization(), m.GetSearch(), m.GetCommand()
	}
	return f, err
}

// Config is the BACKEND_CONFIG that FeaturesOf reads; without extended it has
// only what version 1 knows.
func (f Features) Config(extended bool) *BackendConfig {
	text := f.Text()
	m := &BackendConfig{Config: &text}
	if extended {
		m.Search, m.Command = f.Search, f.Commands
		if f.Authorization {
			m.Authorization = &f.Authorization
		}
	}
	return m
}

func boolean(s *ini.Section, key string, fallback bool) bool {
	if !s.HasKey(key) {
		return fallback
	}
	// Not String: it expands %(name)s, which a hostile text can make endless.
	switch strings.ToLower(strings.TrimSpace(s.Key(key).Value())) {
	case "1", "true", "yes", "on":
		return true
	case "0", "false", "no", "off":
		return false
	}
	return fallback
}

// Text is the INI form that ParseFeatures reads.
func (f Features) Text() string {
	var b strings.Builder
	bit := map[bool]string{true: "1", false: "0"}
	fmt.Fprintf(&b, "[registration]\nneedPassword=%s\nneedRegistration=%s\n", bit[f.NeedPassword], bit[f.NeedRegistration])
	for _, x := range f.ExtraFields {
		fmt.Fprintf(&b, "extraField=%s\n", x)
	}
	fmt.Fprintf(&b, "[features]\nreceipts=%s\nmuc=%s\nrawxml=%s\ndisable_jid_escaping=%s\nsend_buddies_on_login=%s\n",
		bit[f.Receipts], bit[f.MUC], bit[f.RawXML], bit[f.DisableJIDEscaping], bit[f.SendBuddiesOnLogin])
	return b.String()
}
