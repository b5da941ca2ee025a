// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/private"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

// Identity is what disco#info of the account adds to its own identity
// (XEP-0163 §6.1).
var Identity = disco.Identity{Category: "pubsub", Type: "pep"}

// Features are what disco#info of the account adds.
func (s *Services) Features() []string {
	all := []string{
		private.NS, blocking.NS, bookmarks.FeatureCompat, bookmarks.FeatureCompatPEP, bookmarks.FeatureConversion,
		rsm.NS, mam.NSStanzaID, pubsub.NS,
	}
	all = append(all, pubsub.Features...)
	if messages, _ := s.archive.keeps(); messages {
		all = append(all, mam.NS, mam.NSExtended)
	}
	return all
}

// RoomFeatures are what disco#info of a room adds where rooms are archived.
func RoomFeatures() []string { return []string{mam.NS, mam.NSExtended, mam.NSStanzaID} }
