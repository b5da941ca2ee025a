// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/escape"
)

// ContactResource is the resource of every contact's full JID.
const ContactResource = "bot"

// Addresses maps legacy names to JIDs of the transport and back.
type Addresses struct {
	// Transport is the transport's JID, a domain.
	Transport string
	// Escape: names are escaped after XEP-0106; otherwise the last "@" of a
	// name becomes "%" (service.jid_escaping=0, or the backend asks for it),
	// unless it has characters besides that no localpart may have, such as the
	// colon before a port.
	Escape bool
}

// JID is the address of the contact, room or occupant with this legacy name. It
// fails on a name that no JID can carry.
func (a Addresses) JID(name, resource string) (jid.JID, error) {
	if !a.Escape {
		if j, err := a.parse(escape.Percent(name), resource); err == nil {
			return j, nil
		}
	}
	return a.parse(escape.Escape(name), resource)
}

func (a Addresses) parse(local, resource string) (jid.JID, error) {
	s := local + "@" + a.Transport
	if resource != "" {
		s += "/" + resource
	}
	return xmpp.ParseJID(s)
}

// Name is the legacy name that a JID stands for, "" for the transport itself.
// The "%" form is understood whatever Escape says. JIDs are case-folded, so
// names that are known already have to be found by their JID instead.
func (a Addresses) Name(j jid.JID) string {
	return escape.Name(j.Localpart())
}
