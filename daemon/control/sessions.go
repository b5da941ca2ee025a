// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"context"
	"net/http"

	"spectrum.im/spectrum2/daemon/control/api"
)

// clients is the Instance's side of server mode, nil in gateway mode.
func (h *handler) clients(ctx context.Context) Clients {
	c, ok := h.instance.(Clients)
	if !ok || h.instance.Status(ctx).Mode == api.ModeGateway {
		return nil
	}
	return c
}

func (h *handler) sessions(w http.ResponseWriter, r *http.Request) {
	c := h.clients(r.Context())
	if c == nil {
		h.fail(w, r, errGateway())
		return
	}
	after, limit, err := h.part(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	list, next := cut(c.Sessions(r.Context()), func(s api.Session) string { return s.JID }, after, limit)
	answer(h, w, r, api.SessionPage{Sessions: list, Next: next}, nil)
}

func (h *handler) endSession(w http.ResponseWriter, r *http.Request) {
	c := h.clients(r.Context())
	if c == nil {
		h.fail(w, r, errGateway())
		return
	}
	var e api.SessionEnd
	if !h.read(w, r, &e) {
		return
	}
	if e.JID == "" {
		h.fail(w, r, badRequest("whose connection? A JID is missing"))
		return
	}
	n, err := c.EndSession(r.Context(), e.JID)
	if err == nil && n == 0 {
		err = &api.Error{Code: api.CodeNotFound, Text: "no client is connected as " + e.JID}
	}
	answer(h, w, r, api.Ended{Ended: n}, err)
}

func errGateway() *api.Error {
	return &api.Error{Code: api.CodeNotFound,
		Text: "the instance is in gateway mode: clients are connected to the XMPP server, not to it"}
}
