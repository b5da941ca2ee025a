// SPDX-License-Identifier: GPL-2.0-or-later

package template_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/template"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const user = "romeo@xmpp.example"

// start runs the backend in this process; code is what the login asks for.
func start(t *testing.T, o backendtest.Options, code string) *backendtest.Main {
	t.Helper()
	o.Config = &config.Config{Sections: map[string]map[string][]string{"template": {}}}
	if code != "" {
		o.Config.Sections["template"]["code"] = []string{code}
	}
	n, err := template.New(backend.Options{Config: o.Config})
	if err != nil {
		t.Fatal(err)
	}
	return backendtest.Start(t, n, o)
}

func harness(start func(*testing.T, backendtest.Options) *backendtest.Main) backendtest.Harness {
	login := func(user, password string) *pbnetwork.Login {
		name, _, _ := strings.Cut(user, "@")
		return &pbnetwork.Login{User: &user, LegacyName: &name, Password: &password}
	}
	return backendtest.Harness{
		Start:   start,
		Login:   func(n int) *pbnetwork.Login { return login(string(rune('a'+n))+"@xmpp.example", "secret") },
		Refused: login("mallory@xmpp.example", "wrong"),
		Contact: "echo",
		Echo:    true,
		Room:    "echoroom",
	}
}

func TestConformance(t *testing.T) {
	backendtest.Run(t, harness(func(t *testing.T, o backendtest.Options) *backendtest.Main { return start(t, o, "") }))
}

func TestProgramConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spectrum2_template_backend")
	build := exec.Command("go", "build", "-o", path, "spectrum.im/spectrum2/cmd/spectrum2_template_backend")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cfg := "[service]\njid = echo.xmpp.example\npassword = secret\nbackend = spectrum2_template_backend\n"
	backendtest.Run(t, harness(backendtest.Program(path, cfg)))
}
