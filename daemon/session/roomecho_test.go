// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestVersion1RoomWithoutEcho: a backend of version 1 that never sends the
// user's own words back costs him three seconds, and one that sends them late
// does not double them.
func TestVersion1RoomWithoutEcho(t *testing.T) {
	inWorld(t, func(w *world) { verona(w); w.net.level = 0 }, func(w *world) {
		w.online("a")
		w.post(joins("a", "me"))
		w.front.take()
		w.net.set(func(n *network) { n.slow = true })
		w.post(says("a", "g1", "Hello"))
		w.compare(briefs(w.front.take()), nil)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.compare(briefs(w.front.take()), []string{`message #verona@gw/me>romeo/a groupchat body="Hello"`})
		late := func() {
			w.backend(func(l *link) {
				l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("#verona"),
					Message: proto.String("Hello"), Nickname: proto.String("me")})
			})
		}
		late()
		w.compare(briefs(w.front.take()), nil)
		late() // said again, from another client of the network
		w.compare(briefs(w.front.take()), []string{`message #verona@gw/me>romeo/a groupchat body="Hello"`})
	})
}
