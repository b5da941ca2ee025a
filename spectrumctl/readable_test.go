// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spectrum.im/spectrum2/spectrumctl"
)

// TestUnreadableCertificateIsSeen: as certbot keeps them, behind a folder that
// is root's alone, with a link to the file.
func TestUnreadableCertificateIsSeen(t *testing.T) {
	top, err := os.MkdirTemp("", "readable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	archive := filepath.Join(top, "archive")
	file, link := filepath.Join(archive, "privkey1.pem"), filepath.Join(top, "privkey.pem")
	for _, step := range []error{
		os.Chmod(top, 0o755), os.Mkdir(archive, 0o700), os.WriteFile(file, []byte("x"), 0o640), os.Chmod(file, 0o640), os.Symlink(file, link),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	const stranger = "4242"
	group := []string{strconv.Itoa(os.Getegid())}
	ourselves := strconv.Itoa(os.Geteuid())
	if why := spectrumctl.CannotRead(link, ourselves, group); why != "" {
		t.Errorf("the owner: %s", why)
	}
	if why := spectrumctl.CannotRead(link, stranger, nil); !strings.Contains(why, archive+" (mode 0700)") {
		t.Errorf("a folder in the way: %q", why)
	}
	if err := os.Chmod(archive, 0o711); err != nil {
		t.Fatal(err)
	}
	if why := spectrumctl.CannotRead(link, stranger, nil); !strings.Contains(why, file+" (mode 0640)") {
		t.Errorf("a file that is not his: %q", why)
	}
	if why := spectrumctl.CannotRead(link, stranger, group); why != "" {
		t.Errorf("his group's: %s", why)
	}
}
