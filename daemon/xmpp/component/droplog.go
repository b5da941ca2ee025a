// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"context"
	"log/slog"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// dropLog logs what is dropped, not more than a line a second: what a user
// sends must not fill the disk.
type dropLog struct {
	log   *slog.Logger
	last  time.Time
	count int
}

func (d *dropLog) log1(ctx context.Context, st *xmpp.Element, why string) {
	now := time.Now()
	if now.Sub(d.last) < time.Second {
		d.count++
		return
	}
	name := ""
	if st != nil {
		name = st.Name
	}
	d.log.WarnContext(ctx, "stanza refused", "reason", why, "stanza", name, "type", st.Get("type"),
		"from", clip(st.Get("from")), "to", clip(st.Get("to")), "refused_since", d.count)
	d.last, d.count = now, 0
}

// clip keeps a log line short whatever an address is.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
