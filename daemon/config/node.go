// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"os"
	"strings"
)

// NodeName is the machine's name among those that share a database:
// database.node, or the first label of the host's name.
func (c *Config) NodeName() string {
	if c.Database.Node != "" {
		return c.Database.Node
	}
	host, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	if !node.MatchString(host) {
		return "localhost"
	}
	return host
}
