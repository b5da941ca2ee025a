// SPDX-License-Identifier: GPL-2.0-or-later

// Package daemon_test holds the map of ARCHITECTURE.md against the code.
package daemon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "spectrum.im/spectrum2/"

// order lists the packages from the bottom up: each may import those before
// it, besides those below its own folder. A package that is not here has no
// place on the map yet.
var order = []string{
	"daemon/pbnetwork",
	"daemon/config",
	"daemon/logging",
	"daemon/systemd",
	"daemon/certificate",
	"daemon/store",
	"daemon/xmpp",
	"daemon/roster",
	"daemon/room",
	"daemon/backend",
	"daemon/backends",
	"daemon/supervisor",
	"daemon/session",
	"daemon/personal",
	"daemon/clients",
	"daemon/register",
	"daemon/admin",
	"daemon/control",
	"daemon/instance",
	"daemon/integration",
}

// only narrows a package to some of those before it.
var only = map[string][]string{
	"daemon/pbnetwork":   {},
	"daemon/config":      {},
	"daemon/logging":     {},
	"daemon/certificate": {"daemon/config"},
	"daemon/store":       {"daemon/config"},
	"daemon/xmpp":        {"daemon/config"},
	"daemon/roster":      {},
	"daemon/room":        {"daemon/pbnetwork"},
	"daemon/backend":     {"daemon/pbnetwork", "daemon/config"},
	"daemon/backends":    {"daemon/pbnetwork", "daemon/config", "daemon/backend"},
	"daemon/supervisor":  {"daemon/pbnetwork", "daemon/config", "daemon/systemd"},
	"daemon/session":     {"daemon/pbnetwork", "daemon/config", "daemon/store", "daemon/xmpp", "daemon/roster", "daemon/room"},
	"daemon/personal":    {"daemon/store", "daemon/xmpp"},
	"daemon/clients":     {"daemon/xmpp"},
	"spectrumctl":        {"daemon/certificate", "daemon/control/api", "daemon/config", "daemon/systemd"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// TestImportsGoDownOnly reads every package's imports, tests left out.
func TestImportsGoDownOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	rank := map[string]int{}
	for i, p := range order {
		rank[p] = i
	}
	seen := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		checkPackage(t, rank, p)
	}
	if seen < len(order) {
		t.Fatalf("go list found %d packages, the map alone has %d", seen, len(order))
	}
}

func checkPackage(t *testing.T, rank map[string]int, p listed) {
	from := strings.TrimPrefix(p.ImportPath, module)
	home := homeOf(from)
	if _, ok := rank[home]; !ok && strings.HasPrefix(from, "daemon/") {
		t.Errorf("%s has no place in ARCHITECTURE.md's list", from)
		return
	}
	for _, i := range p.Imports {
		to, ours := strings.CutPrefix(i, module)
		if !ours || to == home || strings.HasPrefix(to, home+"/") || strings.HasPrefix(from, to+"/") {
			if home == "daemon/backends" && ours && homeOf(to) == home && !strings.HasPrefix(to, backendOf(from)) {
				t.Errorf("%s imports %s: backends never import each other", from, to)
			}
			continue
		}
		if allowed, narrowed := only[home]; narrowed {
			if !within(allowed, to) {
				t.Errorf("%s imports %s, allowed are %v", from, to, allowed)
			}
			continue
		}
		if strings.HasPrefix(from, "cmd/") {
			continue
		}
		if rank[homeOf(to)] >= rank[home] {
			t.Errorf("%s imports %s, which does not stand before it", from, to)
		}
	}
}

// homeOf is the entry of the map that a package belongs to.
func homeOf(p string) string {
	parts := strings.Split(p, "/")
	if parts[0] == "daemon" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// backendOf is the folder of one backend, daemon/backends/irc.
func backendOf(p string) string {
	parts := strings.Split(p, "/")
	return strings.Join(parts[:min(3, len(parts))], "/")
}

func within(allowed []string, p string) bool {
	for _, a := range allowed {
		if p == a || strings.HasPrefix(p, a+"/") {
			return true
		}
	}
	return false
}
