// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// level is the extension's level that this package speaks.
const level = 1

const dialTimeout = 10 * time.Second

// maxToken is more than any token has.
const maxToken = 4096

// dial connects to the main process: over its unix socket for the extension,
// over TCP for version 1.
func dial(ctx context.Context, a arguments) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	if a.socket != "" {
		return d.DialContext(ctx, "unix", a.socket)
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(a.host, a.port))
}

// readToken reads what proves that the main process started this backend from
// the descriptor it left open, and closes it, so that no child inherits it.
func readToken(fd int) ([]byte, error) {
	if fd < 0 {
		return nil, nil
	}
	f := os.NewFile(uintptr(fd), "token")
	if f == nil {
		return nil, fmt.Errorf("read the token: descriptor %d is not one", fd)
	}
	defer f.Close()
	token, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	return token, nil
}

// helloOf is what the backend opens the extension with.
func helloOf(d Description, a arguments, c *config.Config, token []byte) *pbnetwork.Hello {
	l, id := int32(level), int32(a.id)
	program, build, digest := d.Program+" "+d.Version, buildOf(), c.Digest()
	return &pbnetwork.Hello{
		Level: &l, Token: token, BackendId: &id,
		Program: &program, Build: &build, ConfigDigest: &digest,
	}
}

// buildOf names the program's code: the digest of its file, which is the same
// for the same build wherever it was made, or "" where it cannot be read.
func buildOf() string {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
