// SPDX-License-Identifier: GPL-2.0-or-later

package pubsub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// Values of Config.
const (
	Open      = "open"
	Presence  = "presence"
	Roster    = "roster"
	Authorize = "authorize"
	Whitelist = "whitelist"

	SendNever       = "never"
	SendOnSub       = "on_sub"
	SendOnPresence  = "on_sub_and_presence"
	maxItemsNoLimit = "max"
)

var (
	accessModels = []string{Open, Presence, Roster, Authorize, Whitelist}
	sendModels   = []string{SendNever, SendOnSub, SendOnPresence}
)

// Config is the configuration of a node (XEP-0060 §16.4.4), as far as it is
// kept. JSON is how it is stored.
type Config struct {
	Title    string `json:"title,omitempty"`
	Type     string `json:"type,omitempty"`
	Access   string `json:"access"`
	MaxItems int    `json:"max_items"`
	// Persist: items are kept beyond the last one, which always is.
	Persist bool `json:"persist"`
	// Send says when the last item is sent to clients: SendNever and so on.
	Send          string `json:"send"`
	NotifyRetract bool   `json:"notify_retract"`
	NotifyDelete  bool   `json:"notify_delete"`
	Payloads      bool   `json:"payloads"`
}

// Default is a node that its owner did not configure (XEP-0163 §5).
func Default() Config {
	return Config{Access: Presence, MaxItems: 1, Persist: true, Send: SendOnPresence, NotifyRetract: true, NotifyDelete: true, Payloads: true}
}

const option = "pubsub#"

// Form is c to fill in.
func (c Config) Form() *dataform.Form {
	f := dataform.New(dataform.TypeForm, NSNodeConfig)
	one := func(name, typ, value string) {
		f.Add(dataform.Field{Var: option + name, Type: typ, Values: []string{value}})
	}
	choice := func(name, value string, of []string) {
		fd := dataform.Field{Var: option + name, Type: dataform.ListSingle, Values: []string{value}}
		for _, o := range of {
			fd.Options = append(fd.Options, dataform.Option{Value: o})
		}
		f.Add(fd)
	}
	flag := func(name string, value bool) { one(name, dataform.Boolean, strconv.FormatBool(value)) }
	one("title", dataform.TextSingle, c.Title)
	one("type", dataform.TextSingle, c.Type)
	choice("access_model", c.Access, accessModels)
	one("max_items", dataform.TextSingle, strconv.Itoa(c.MaxItems))
	flag("persist_items", c.Persist)
	choice("send_last_published_item", c.Send, sendModels)
	flag("notify_retract", c.NotifyRetract)
	flag("notify_delete", c.NotifyDelete)
	flag("deliver_payloads", c.Payloads)
	return f
}

// ErrValue: a form has a value that an option cannot have.
var ErrValue = errors.New("not a value of that option")

// With is c as the form changes it. Options that are not known are left out.
// "max" items are as many as most.
func (c Config) With(f *dataform.Form, most int) (Config, error) {
	if f == nil {
		return c, nil
	}
	for i := range f.Fields {
		name, ours := strings.CutPrefix(f.Fields[i].Var, option)
		if !ours {
			continue
		}
		if !c.set(name, strings.TrimSpace(f.Fields[i].Value()), most) {
			return c, fmt.Errorf("%.50s: %w", name, ErrValue)
		}
	}
	return c, nil
}

func (c *Config) set(name, value string, most int) bool {
	switch name {
	case "title":
		c.Title = value
		return len(value) <= 1024
	case "type":
		c.Type = value
		return len(value) <= 1024
	case "access_model":
		c.Access = value
		return slices.Contains(accessModels, value)
	case "max_items":
		return c.setMax(value, most)
	case "persist_items":
		return flag(&c.Persist, value)
	case "send_last_published_item":
		c.Send = value
		return slices.Contains(sendModels, value)
	case "notify_retract":
		return flag(&c.NotifyRetract, value)
	case "notify_delete":
		return flag(&c.NotifyDelete, value)
	case "deliver_payloads":
		return flag(&c.Payloads, value)
	}
	return true
}

func (c *Config) setMax(value string, most int) bool {
	if value == maxItemsNoLimit || value == "" {
		c.MaxItems = most
		return true
	}
	n, err := strconv.Atoi(value)
	c.MaxItems = n
	return err == nil && n >= 1 && n <= most
}

func flag(to *bool, value string) bool {
	*to = value == "1" || value == "true"
	return *to || value == "0" || value == "false"
}
