// SPDX-License-Identifier: GPL-2.0-or-later

package oscartest

import (
	"net/http"
	"net/url"
)

// MakeBot frees an account, which logs in afterwards, of the rate limits.
func (s *Server) MakeBot(name string) {
	s.t.Helper()
	s.must(http.MethodPatch, "/user/"+url.PathEscape(name)+"/account", map[string]bool{"is_bot": true})
}
