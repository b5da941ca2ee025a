// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBackendIsFoundByAnyOfItsNames(t *testing.T) {
	ours, other := t.TempDir(), t.TempDir()
	for _, path := range []string{
		filepath.Join(ours, "spectrum2_irc_backend"), filepath.Join(ours, "spectrum2_libpurple_backend"),
		filepath.Join(other, "spectrum2_irc_backend"), filepath.Join(other, "mine7"),
	} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		setting, want string
		ours          bool
	}{
		{"libpurple_backend", ours + "/spectrum2_libpurple_backend", true},
		{"spectrum2_irc_backend", ours + "/spectrum2_irc_backend", true},
		{"irc", ours + "/spectrum2_irc_backend", true},
		{"/usr/bin/spectrum2_libpurple_backend", ours + "/spectrum2_libpurple_backend", true},
		{"/usr/bin/spectrum2_libcommuni_backend", ours + "/spectrum2_irc_backend", true},
		{ours + "/spectrum2_irc_backend", ours + "/spectrum2_irc_backend", true},
		{other + "/spectrum2_irc_backend", other + "/spectrum2_irc_backend", false},
		{other + "/mineBACKEND_ID --verbose", other + "/mine7", false},
		{"/bin/sh -c true", "/bin/sh", false},
	} {
		p, err := findProgram(tt.setting, 7, []string{ours})
		if err != nil || p.path != tt.want || p.ours != tt.ours {
			t.Errorf("%s is found as %+v, %v", tt.setting, p, err)
		}
	}
	if p, err := findProgram("sh -c 'exit 1'", 7, []string{ours}); err != nil || !strings.HasSuffix(p.path, "/sh") || len(p.args) != 2 || p.ours {
		t.Errorf("sh is found as %+v, %v", p, err)
	}
}

func TestSocketIsFoundInTheKernelsTable(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     7        0 222 1 0000000000000000 20 4 30 10 -1
   2: 0000000000000000FFFF00000100007F:D431 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:D432 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
   4: garbage
`
	server, client := netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("127.0.0.1:54321")
	if inode, uid := findSocket(strings.NewReader(table), client, server); inode != "333" || uid != "1000" {
		t.Errorf("found %q of %q", inode, uid)
	}
	gone := netip.MustParseAddrPort("127.0.0.1:54322") // in TIME_WAIT, nobody's
	if inode, _ := findSocket(strings.NewReader(table), gone, server); inode != "" {
		t.Errorf("found %q", inode)
	}
}

func FuzzParseProcAddr(f *testing.F) {
	f.Add("0100007F:1F90")
	f.Add("0000000000000000FFFF00000100007F:D431")
	f.Fuzz(func(t *testing.T, s string) {
		if ap, ok := parseProcAddr(s); ok && !ap.IsValid() {
			t.Errorf("%q gives %v", s, ap)
		}
	})
}

func TestDescendantsAreFound(t *testing.T) {
	if !descends(os.Getpid(), os.Getppid()) || descends(os.Getppid(), os.Getpid()) {
		t.Error("this process and its parent are mistaken")
	}
	if descends(1, os.Getpid()) || descends(1<<30, os.Getpid()) {
		t.Error("a stranger is taken for a descendant")
	}
	if residentMemory(os.Getpid()) < 1<<20 || residentMemory(1<<30) != 0 {
		t.Error("memory is wrong")
	}
}
