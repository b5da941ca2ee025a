// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/xmpp"
)

var _ control.Clients = controlled{}

// Sessions are the clients' connections of server mode.
func (c controlled) Sessions(context.Context) []api.Session {
	if c.side == nil {
		return nil
	}
	var out []api.Session
	for _, h := range c.side.all() {
		for _, x := range h.clients.Clients() {
			out = append(out, api.Session{
				JID: x.JID.String(), Resource: x.JID.Resourcepart(), Client: x.Name, Version: x.Version,
				Address: x.Addr.String(), Transport: string(x.Kind), TLS: x.TLS, Since: x.Since, Detached: x.Detached,
			})
		}
	}
	return out
}

// EndSession ends the connection with a full JID, or all of a bare one.
func (c controlled) EndSession(_ context.Context, jid string) (int, error) {
	j, err := xmpp.ParseJID(jid)
	if err != nil {
		return 0, &api.Error{Code: api.CodeBadRequest, Text: "that is no JID: " + jid}
	}
	if c.side == nil {
		return 0, nil
	}
	h := c.side.house(j.Bare().String())
	if h == nil || !closed(h.made) || h.clients == nil {
		return 0, nil
	}
	ended := 0
	for _, x := range h.clients.Clients() {
		if r := x.JID.Resourcepart(); (j.Resourcepart() == "" || j.Resourcepart() == r) &&
			h.clients.End(r, xmpp.PolicyViolation, "The administrator ended this connection.") {
			ended++
		}
	}
	c.log.Info("an administrator ended connections", "user", j.Bare().String(), "count", ended)
	return ended, nil
}

// describe adds to the status what server mode has.
func (s *serverSide) describe(st *api.Status) {
	st.Listeners = s.boundTo()
	info := s.certs.Info()
	st.Certificate = &api.Certificate{
		Fingerprint: info.Fingerprint, NotAfter: info.NotAfter, Names: info.Names, SelfSigned: info.SelfSigned,
		File: info.File, Error: info.Error,
	}
	st.Warnings = append(st.Warnings, info.Problems(s.jid, time.Now())...)
	if info.Error != "" {
		st.Warnings = append(st.Warnings, "the changed certificate is not in use: "+info.Error)
	}
}
