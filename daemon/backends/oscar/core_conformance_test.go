// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"fmt"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/oscar"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestConformance is the suite that every backend passes, through the SDK, in
// version 1 and in the extension.
func TestConformance(t *testing.T) {
	names := []string{"holder"}
	for i := range 20 {
		names = append(names, strconv.Itoa(200000+i))
	}
	s := serverWith(t, names...)
	holder := startOn(t, s)
	loginAs(t, holder, "holder")
	login := func(name, password string) *pbnetwork.Login {
		return &pbnetwork.Login{User: proto.String(jidOf(name)), LegacyName: &name, Password: &password}
	}
	// The server takes ten logins of one user's address, and then one a minute.
	run := 0
	backendtest.Run(t, backendtest.Harness{
		Start: func(t *testing.T, o backendtest.Options) *backendtest.Main {
			run++
			o.Config = configFor(s, map[string]string{"bind": fmt.Sprintf("127.2.%d.0/24", run)})
			n, err := oscar.New(backend.Options{Config: o.Config})
			if err != nil {
				t.Fatal(err)
			}
			return backendtest.Start(t, n, o)
		},
		Login:   func(i int) *pbnetwork.Login { return login(strconv.Itoa(200000+i), password) },
		Refused: login("200001", "wrong"),
		Contact: "holder",
	})
}
