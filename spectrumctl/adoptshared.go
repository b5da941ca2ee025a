// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"fmt"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// databaseOf names the tables that an instance uses, "" for none.
func databaseOf(c *config.Config) string {
	d := c.Database
	switch {
	case d.Type == "none":
		return ""
	case d.Type == "sqlite3":
		return d.Database + "?" + d.Prefix
	case d.ConnectionString.IsSet():
		return fmt.Sprintf("%s:%s?%s", d.Type, d.ConnectionString.Reveal(), d.Prefix)
	}
	return fmt.Sprintf("%s:%s:%d/%s?%s", d.Type, d.Server, d.Port, d.Database, strings.ToLower(d.Prefix))
}

// noteShared points out instances with the same tables: the C++ version let
// several processes write there, each as if it were alone.
func noteShared(all []*adoption) {
	users := map[string][]string{}
	for _, a := range all {
		for i, d := range a.databases {
			users[d] = append(users[d], a.Instances[i])
		}
	}
	for _, a := range all {
		for i, d := range a.databases {
			others := slices.DeleteFunc(slices.Clone(users[d]), func(n string) bool { return n == a.Instances[i] })
			if d == "" || len(others) == 0 {
				continue
			}
			a.note("%s has the same tables as %s, and only one instance can use them: spectrumctl db export %s --with-passwords, write another database.database or database.prefix into all but one, and spectrumctl db import NAME EXPORT",
				a.Instances[i], strings.Join(others, ", "), a.Instances[i])
			break // one note a file
		}
	}
}
