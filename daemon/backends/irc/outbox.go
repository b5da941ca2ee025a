// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "time"

// lane is how urgent a line is. Urgent ones are never paced; background ones
// wait until nobody else has anything to say.
type lane int

const (
	urgent lane = iota
	normal
	background
	lanes
)

// laneSize bounds what waits in a lane.
var laneSize = [lanes]int{urgent: 64, normal: 400, background: 400}

// item is a line that waits to be written.
type item struct {
	line string
	// light lines cost little (see pacer).
	light bool
	// message is the part of a user's message that the line carries, if any.
	message *sentLine
}

// outbox is what a connection still has to write, in order within a lane.
type outbox struct {
	queue [lanes][]item
	pace  pacer
}

// add takes a line in; false when the lane is full.
func (o *outbox) add(l lane, it item) bool {
	if len(o.queue[l]) >= laneSize[l] {
		return false
	}
	o.queue[l] = append(o.queue[l], it)
	return true
}

// room reports whether n more lines fit.
func (o *outbox) room(l lane, n int) bool { return len(o.queue[l])+n <= laneSize[l] }

// peek gives the line whose turn it is and how long it has to wait.
func (o *outbox) peek(now time.Time) (it item, l lane, wait time.Duration, ok bool) {
	for l := range lanes {
		if q := o.queue[l]; len(q) > 0 {
			if l != urgent {
				wait = o.pace.wait(now)
			}
			return q[0], l, wait, true
		}
	}
	return item{}, 0, 0, false
}

// pop removes the line that peek gave, which has been written.
func (o *outbox) pop(l lane, now time.Time) {
	it := o.queue[l][0]
	o.queue[l][0] = item{}
	if o.queue[l] = o.queue[l][1:]; len(o.queue[l]) == 0 {
		o.queue[l] = nil
	}
	o.pace.spend(now, len(it.line), it.light)
}

// drop empties the outbox and gives what had been waiting in it.
func (o *outbox) drop() []item {
	var all []item
	for l := range o.queue {
		all = append(all, o.queue[l]...)
		o.queue[l] = nil
	}
	return all
}
