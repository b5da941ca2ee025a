// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// traces are the server's files that have the text in them, by their paths
// below the server's directory, with how often.
func traces(t *testing.T, s *dbtest.Server, text string) map[string]int {
	t.Helper()
	found, files := map[string]int{}, 0
	err := filepath.WalkDir(s.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // it was just removed, or is a socket
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		if n := bytes.Count(b, []byte(text)); n > 0 {
			name, err := filepath.Rel(s.Dir(), path)
			must(t, err)
			found[name] = n
		}
		return nil
	})
	must(t, err)
	if files < 10 {
		t.Fatalf("only %d files are in %s", files, s.Dir())
	}
	return found
}
