// SPDX-License-Identifier: GPL-2.0-or-later

package config

import "time"

// Keep returns c as an instance that runs with the configuration running can
// take it over: what needs a restart has running's value still.
func (c *Config) Keep(running *Config) *Config {
	kept := *c
	for i := range table {
		if table[i].Restart != "" {
			table[i].carry(&kept, running)
		}
	}
	return &kept
}

// carry copies the key's value from one configuration to another.
func (k *Key) carry(to, from *Config) {
	switch dst := k.field(to).(type) {
	case *string:
		*dst = *k.field(from).(*string)
	case *int:
		*dst = *k.field(from).(*int)
	case *bool:
		*dst = *k.field(from).(*bool)
	case *Secret:
		*dst = *k.field(from).(*Secret)
	case *[]string:
		*dst = *k.field(from).(*[]string)
	default:
		*k.field(to).(*time.Duration) = *k.field(from).(*time.Duration)
	}
}
