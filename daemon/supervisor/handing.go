// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// handing hands frames to receivers, each with a time limit, without making a
// context for each frame. It belongs to one reader.
type handing struct {
	limit time.Duration
	ctx   context.Context // lives as long as no receiver was late
	end   context.CancelCauseFunc
	timer *time.Timer
}

// give calls r and reports whether r was in time. parent must be the same in
// every call.
func (h *handing) give(parent context.Context, r Receiver, f pbnetwork.Frame) bool {
	if h.ctx == nil {
		ctx, end := context.WithCancelCause(parent)
		h.ctx, h.end = ctx, end
		h.timer = time.AfterFunc(h.limit, func() { end(ErrStalled) })
	} else {
		h.timer.Reset(h.limit)
	}
	r.Frame(h.ctx, f)
	if h.timer.Stop() {
		return true
	}
	h.end(ErrStalled)
	h.ctx = nil
	return false
}
