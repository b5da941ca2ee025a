// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/systemd"
)

func TestUnitOfCgroup(t *testing.T) {
	for text, want := range map[string]string{
		"0::/spectrum2.slice/spectrum2-irc.slice/spectrum2@irc.service\n":                    "spectrum2@irc.service",
		"0::/spectrum2.slice/spectrum2-irc.slice/spectrum2-irc-backend-1.scope":              "spectrum2-irc-backend-1.scope",
		"0::/system.slice/x.service/supervised\n":                                            "x.service",
		"9:name=systemd:/spectrum2.slice/spectrum2@irc.service\n4:memory:/a.service\n0::/\n": "spectrum2@irc.service",
		"4:memory:/a.service\n":                         "",
		"0::/user.slice/user-0.slice/session-1.scope\n": "session-1.scope",
		"0::/\n": "", "": "", "garbage": "",
	} {
		if got := systemd.UnitOfCgroup(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
