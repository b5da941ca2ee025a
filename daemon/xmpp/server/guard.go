// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"fmt"
	"runtime/debug"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// guarded runs f, which serves this connection alone: a panic in it, be it the
// parser's or the handler's, ends the connection, with its stack in the log,
// and nobody else's.
func (t *stream) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.s.o.Log.Error("connection ended: a bug", "addr", t.link.addr, "via", t.kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &xmpp.StreamError{Condition: xmpp.InternalServerError}
		}
	}()
	return f()
}
