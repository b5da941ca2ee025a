// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"path/filepath"
	"strings"
)

// Program is service.backend, or what stands for it: libpurple has lost ICQ and
// AIM, so files that name it for them (service.protocol) mean our own backend of
// those.
func (s Service) Program() string {
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(strings.TrimSpace(s.Backend)), "spectrum2_"), "_backend")
	switch strings.TrimPrefix(strings.ToLower(s.Protocol), "prpl-") {
	case "icq", "aim":
		if name == "libpurple" {
			return "spectrum2_oscar_backend"
		}
	}
	return s.Backend
}
