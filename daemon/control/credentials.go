// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"net/http"
	"os"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control/api"
)

// Credentials is what an Instance may have besides: it takes new credentials
// before a reload. They are in force until others come, or the process ends.
type Credentials interface {
	UseCredentials(given map[string]config.Secret)
}

// takeCredentials reads a reload's request, which most have none of. It
// answers where it returns false.
func (h *handler) takeCredentials(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 {
		return true
	}
	var req api.ReloadRequest
	if !h.read(w, r, &req) {
		return false
	}
	if len(req.Credentials) == 0 {
		return true
	}
	if c, _ := r.Context().Value(peerKey{}).(caller); c.peer.UID != 0 && int(c.peer.UID) != os.Geteuid() {
		h.fail(w, r, &api.Error{Code: api.CodeNotPermitted, Text: "only root may hand over credentials"})
		return false
	}
	if i, ok := h.instance.(Credentials); ok {
		given := map[string]config.Secret{}
		for name, value := range req.Credentials {
			given[name] = config.NewSecret(string(value))
		}
		i.UseCredentials(given)
	}
	return true
}
