// SPDX-License-Identifier: GPL-2.0-or-later

package api

import (
	"context"
	"net/http"
)

// ReloadRequest may come with a reload.
type ReloadRequest struct {
	// Credentials are what systemd would hand over at the next start, by name:
	// a service that runs has those of its start. Only root and the service's
	// own user may send any.
	Credentials map[string][]byte `json:"credentials,omitempty"`
}

// ReloadWith is Reload with the service's credentials as they are now. An
// instance of a build that does not know them reloads without.
func (c *Client) ReloadWith(ctx context.Context, credentials map[string][]byte) (Reload, error) {
	if len(credentials) == 0 {
		return c.Reload(ctx)
	}
	return call[Reload](ctx, c, http.MethodPost, PathReload, ReloadRequest{credentials})
}
