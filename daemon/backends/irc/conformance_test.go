// SPDX-License-Identifier: GPL-2.0-or-later

package irc_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/irc"
	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestConformance is the suite that every backend passes, through the SDK, in
// version 1 and in the extension.
func TestConformance(t *testing.T) {
	s := irctest.StartInspircd(t, irctest.Options{})
	holder := irctest.Dial(t, s.Addr(), "holder")
	holder.Join("#room")
	c := &config.Config{
		Service:  config.Service{IRCServer: []string{s.Addr()}, MaxRoomListSize: 10},
		Sections: map[string]map[string][]string{"irc." + s.Addr(): {"throttle": {"0"}}},
	}
	n, err := irc.New(backend.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Run(t, backendtest.Harness{
		Start: func(t *testing.T, o backendtest.Options) *backendtest.Main {
			o.Config = c
			return backendtest.Start(t, n, o)
		},
		Login: func(i int) *pbnetwork.Login {
			nick := "tester"
			if i > 0 {
				nick = fmt.Sprintf("tester%d", i)
			}
			return &pbnetwork.Login{
				User: proto.String(nick + "@example.org"), LegacyName: proto.String(nick), Password: proto.String(""),
			}
		},
		Refused: &pbnetwork.Login{
			User: proto.String("bad@example.org"), LegacyName: proto.String(" "), Password: proto.String(""),
		},
		Contact: "holder",
		Room:    "#room",
	})
}
