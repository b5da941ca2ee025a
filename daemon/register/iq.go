// SPDX-License-Identifier: GPL-2.0-or-later

package register

import (
	"context"

	"spectrum.im/spectrum2/daemon/xmpp"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// IQ answers a request in jabber:iq:register (XEP-0077) of the user jid: the
// payload of the result, which may be nil, or an error.
func (r *Registrar) IQ(ctx context.Context, jid string, iq *xmpp.Element) (*xmpp.Element, error) {
	q := ibr.Parse(iq.Child(ibr.NS, "query"))
	if q == nil {
		return nil, Refused(xmpp.BadRequest, "The request has no registration in it.")
	}
	if iq.Get("type") == "get" {
		step, u, err := r.FirstFor(ctx, jid)
		if err != nil {
			return nil, err
		}
		return step.Query(u != nil).Element(), nil
	}
	if q.Cancelled() {
		return nil, nil
	}
	answers := q.Values()
	if q.Remove || Unregister(answers) {
		return nil, r.Remove(ctx, jid)
	}
	return nil, r.Submit(ctx, jid, answers)
}
