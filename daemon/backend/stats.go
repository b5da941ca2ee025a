// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"fmt"
	"os"
	"strconv"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// memory is what the process has, in KiB.
type memory struct{ resident, shared int32 }

// readMemory reads /proc/self/statm (proc(5)); it is zero where there is none.
func readMemory() memory {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return memory{}
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		return memory{}
	}
	page := int64(os.Getpagesize()) / 1024
	return memory{int32(resident * page), int32(shared * page)}
}

// pong answers a PING, and reports what the process uses.
func (p *process) pong() {
	now, pid := readMemory(), strconv.Itoa(os.Getpid())
	for _, f := range []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_PONG},
		{Type: pbnetwork.WrapperMessage_TYPE_STATS, Message: &pbnetwork.Stats{
			Res: &now.resident, InitRes: &p.initial.resident, Shared: &now.shared, Id: &pid,
		}},
	} {
		if err := p.wire.send(f); err != nil {
			return // the connection is over, and its reader says why
		}
	}
}
