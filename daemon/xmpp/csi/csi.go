// SPDX-License-Identifier: GPL-2.0-or-later

// Package csi is client state indication (XEP-0352): a client that nobody looks
// at is spared what can wait.
package csi

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "urn:xmpp:csi:0"

// Feature offers it.
func Feature() *xmpp.Element { return xmpp.New(NS, "csi") }

// State reads <active/> and <inactive/>; ok is false for anything else.
func State(e *xmpp.Element) (active, ok bool) {
	switch {
	case e.Is(NS, "active"):
		return true, true
	case e.Is(NS, "inactive"):
		return false, true
	}
	return false, false
}
