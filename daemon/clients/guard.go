// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import "runtime/debug"

// guard ends the user's clients where their own code panicked, so that nobody
// else has to suffer. It is to be deferred.
func (u *User) guard() {
	p := recover()
	if p == nil {
		return
	}
	u.o.Log.Error("the user's clients are ended: a bug", "panic", p, "stack", string(debug.Stack()))
	u.closing.Go(func() { u.Close("internal-server-error", "Something went wrong here; please log in again") })
}
