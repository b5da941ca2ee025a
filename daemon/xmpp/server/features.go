// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/csi"
	"spectrum.im/spectrum2/daemon/xmpp/sasl2"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

const (
	nsSASL    = sasl2.NSSASL
	nsSASL2   = sasl2.NS
	nsBind    = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSession = "urn:ietf:params:xml:ns:xmpp-session"
	nsCarbons = "urn:xmpp:carbons:2"
	nsRoster  = "urn:xmpp:features:rosterver"
)

const plain = "PLAIN"

// features are what the client may do next.
func (t *stream) features() *xmpp.Element {
	f := xmpp.New(xmpp.NSStream, "features")
	switch {
	case t.tls == "":
		return f.Add(xmpp.New(nsTLS, "starttls").Add(xmpp.New(nsTLS, "required")))
	case t.account == nil:
		f.Add(xmpp.New(nsSASL, "mechanisms").Add(xmpp.NewText(nsSASL, "mechanism", plain)))
		return f.Add(sasl2.Feature([]string{plain}, []string{nsCarbons, csi.NS, sm.NS}, sm.Feature()))
	}
	return f.Add(xmpp.New(nsBind, "bind")).
		Add(xmpp.New(nsSession, "session").Add(xmpp.New(nsSession, "optional"))).
		Add(t.s.boundFeatures()...)
}

// boundFeatures are those that remain when the resource is bound.
func (s *Server) boundFeatures() []*xmpp.Element {
	f := []*xmpp.Element{sm.Feature(), csi.Feature(), xmpp.New(nsRoster, "ver")}
	if s.o.Features != nil {
		f = append(f, s.o.Features()...)
	}
	return f
}
