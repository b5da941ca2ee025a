// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import "testing"

// TestStrangerStayedConnectedForEver: in server mode anybody may come with any
// name; with stay_connected each left a session behind that nothing ended.
func TestStrangerStayedConnectedForEver(t *testing.T) {
	inHouse(t, func(h *house) { h.set.StayConnected, h.user.ID = true, 0 }, func(h *house) {
		h.attach("a")
		h.netSees("LOGIN romeo", "STATUS_CHANGED INVISIBLE")
		h.detach("a")
		h.netSees("LOGOUT")
		h.ended()
	})
}
