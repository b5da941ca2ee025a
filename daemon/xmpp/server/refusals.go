// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// refusals logs what strangers were refused, a bounded number of lines a second
// whatever they do.
type refusals struct {
	to      *slog.Logger
	limit   *rate.Limiter
	skipped *atomic.Int64
}

func newRefusals(to *slog.Logger) refusals {
	return refusals{to: to, limit: rate.NewLimiter(10, 200), skipped: new(atomic.Int64)}
}

func (r refusals) log(msg string, attrs ...any) {
	if !r.limit.Allow() {
		r.skipped.Add(1)
		return
	}
	if n := r.skipped.Swap(0); n > 0 {
		attrs = append(attrs, "not_logged_before", n)
	}
	r.to.Log(context.Background(), slog.LevelInfo, msg, attrs...)
}

// Write takes the HTTP server's log, whose lines name the address.
func (r refusals) Write(line []byte) (int, error) {
	r.log("connection refused", "via", WebSocket, "reason", strings.TrimSpace(string(line)))
	return len(line), nil
}
