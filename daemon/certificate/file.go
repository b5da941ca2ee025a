// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// maxFile bounds what is read: a chain is a few kilobytes.
const maxFile = 1 << 20

// readFile reads a file of a certificate. Its errors do not repeat the path.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not make it wait
	if err != nil {
		return nil, short(err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil {
		return nil, short(err)
	} else if !fi.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, short(err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("larger than %d KiB: not a certificate", maxFile>>10)
	}
	return b, nil
}

func short(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// state tells one content of the files from another without reading them.
type state [2]fileState

type fileState struct {
	dev, ino     uint64
	size         int64
	mtime, ctime time.Time
	missing      bool
}

// stateOf follows links: ACME clients renew by turning one.
func stateOf(o Options) state {
	if o.CertFile == "" {
		return state{statOf(o.SelfSigned)}
	}
	return state{statOf(o.CertFile), statOf(o.KeyFile)}
}

func statOf(name string) fileState {
	if name == "" {
		return fileState{}
	}
	fi, err := os.Stat(name)
	if err != nil {
		return fileState{missing: true}
	}
	st := fi.Sys().(*syscall.Stat_t)
	return fileState{dev: uint64(st.Dev), ino: st.Ino, size: st.Size,
		mtime: time.Unix(st.Mtim.Unix()), ctime: time.Unix(st.Ctim.Unix())}
}
