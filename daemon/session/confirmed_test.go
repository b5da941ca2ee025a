// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
)

// TestTrialWasToldBeforeItsStatus: who heard that a login went well could still
// read a status that said nothing of what the network had confirmed, and took
// its user for a stranger.
func TestTrialWasToldBeforeItsStatus(t *testing.T) {
	told := make(chan session.Status, 1)
	inHouse(t, func(h *house) {
		h.user.ID = 0
		h.option(func(o *session.Options) { o.Trial = func(error) { told <- h.s.Status() } })
	}, func(h *house) {
		h.wait(time.Second)
		st := <-told
		if st.Confirmation != pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED || st.State != session.Online {
			t.Errorf("at the outcome of its login the session was %s, %s", st.State, st.Confirmation)
		}
	})
}
