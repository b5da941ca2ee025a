// SPDX-License-Identifier: GPL-2.0-or-later

package oscartest_test

import (
	"net"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
)

func TestAccountsOutliveARestart(t *testing.T) {
	s := oscartest.Start(t, oscartest.Options{Accounts: map[string]string{"100001": "secret", "Juliet": "password"}})
	s.SetICQ("100001", map[string]any{"basic_info": map[string]any{"nickname": "romeo"}})
	s.Stop()
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Error("a stopped server listens")
	}
	s.Restart()
	if nick := s.ICQ("100001", "basic_info").(map[string]any)["nickname"]; nick != "romeo" {
		t.Errorf("the nick is %v", nick)
	}
	if name := s.Account("juliet")["screen_name"]; name != "Juliet" {
		t.Errorf("the name is %v", name)
	}
	if s.Online("Juliet") || s.Icon("Juliet") != nil {
		t.Error("Juliet is online, or has an icon")
	}
}
