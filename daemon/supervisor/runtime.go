// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// runtimeDir is the instance's directory below /run: what has to outlive the
// main process's restart, and no more.
type runtimeDir string

// key is the key of the backends' tokens; made at the first call, kept while
// the directory is.
func (d runtimeDir) key() ([]byte, error) {
	path := filepath.Join(string(d), "backend.key")
	key, err := os.ReadFile(path)
	if err == nil && len(key) == sha256.Size {
		return key, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read key of the backends' tokens: %w", err)
	}
	key = make([]byte, sha256.Size)
	rand.Read(key) //nolint:errcheck // never fails
	if err := replaceFile(path, key); err != nil {
		return nil, fmt.Errorf("keep key of the backends' tokens: %w", err)
	}
	return key, nil
}

// lastNumber is the number of the last backend that was started, also by an
// earlier main process: its scope may still be there.
func (d runtimeDir) lastNumber() int {
	text, err := os.ReadFile(filepath.Join(string(d), "backend.number"))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (d runtimeDir) keepNumber(n int) error {
	return replaceFile(filepath.Join(string(d), "backend.number"), []byte(strconv.Itoa(n)+"\n"))
}

// configCopy writes the configuration as backends may see it and gives the
// file's path. Its name is the instance's, as a backend expects it.
func (d runtimeDir) configCopy(cfg *config.Config, digest string) (string, error) {
	dir := filepath.Join(string(d), "backend.d", digest[:min(16, len(digest))])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder of the backends' configuration: %w", err)
	}
	var text bytes.Buffer
	if err := cfg.BackendCopy(&text); err != nil {
		return "", fmt.Errorf("copy configuration for backends: %w", err)
	}
	path := filepath.Join(dir, cfg.Instance+".cfg")
	if err := replaceFile(path, text.Bytes()); err != nil {
		return "", fmt.Errorf("copy configuration for backends: %w", err)
	}
	return path, nil
}

// replaceFile writes a file of mode 0600, whole or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name()) //nolint:errcheck // the first error counts
	}
	return err
}

// token is what the backend of a number proves itself with.
func token(key []byte, number int) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "backend %d", number)
	return []byte(hex.EncodeToString(mac.Sum(nil)))
}

// goodToken compares in constant time.
func goodToken(key []byte, number int, got []byte) bool {
	return hmac.Equal(token(key, number), got)
}
