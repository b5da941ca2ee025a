// SPDX-License-Identifier: GPL-2.0-or-later

package config_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/config"
)

func TestLibpurplesICQAndAIMAreOurOwn(t *testing.T) {
	for _, c := range [][3]string{
		{"/usr/bin/spectrum2_libpurple_backend", "prpl-icq", "spectrum2_oscar_backend"},
		{"libpurple_backend", "prpl-aim", "spectrum2_oscar_backend"},
		{"libpurple", "ICQ", "spectrum2_oscar_backend"},
		{"libpurple_backend", "prpl-jabber", "libpurple_backend"},
		{"libpurple_backend", "", "libpurple_backend"},
		{"/opt/mine_backend", "prpl-icq", "/opt/mine_backend"},
	} {
		if got := (config.Service{Backend: c[0], Protocol: c[1]}).Program(); got != c[2] {
			t.Errorf("%s with %s is %s", c[0], c[1], got)
		}
	}
}
