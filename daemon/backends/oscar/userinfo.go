// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// userInfo is what a server says about somebody (TLVUserInfo). Its bytes are
// lent like those of the SNAC.
type userInfo struct {
	// name in its normal form, and as the server shows it.
	name, shown string
	warning     uint16
	flags       uint16
	// status is ICQ's: wire.OServiceUserStatus…
	status    uint32
	hasStatus bool
	// idle is since how long, since when he is online; zero where not said.
	idle  time.Duration
	since time.Time
	// caps are capabilities of 16 bytes each.
	caps  []byte
	barts []bart
	tlvs  []tlv
}

// bart is a buddy icon, a status text or the like: its hash, or for a text the
// data itself.
type bart struct {
	kind  uint16
	flags uint8
	hash  []byte
}

// maxUserTLVs is more than any user has.
const maxUserTLVs = 64

// userInfo reads a TLVUserInfo.
func (c *cursor) userInfo() userInfo {
	u := userInfo{shown: c.str8(), warning: c.u16()}
	u.name = normal(u.shown)
	u.tlvs = c.countedTLVs(min(int(c.u16()), maxUserTLVs))
	for _, t := range u.tlvs {
		u.take(t)
	}
	return u
}

func (u *userInfo) take(t tlv) {
	switch t.tag {
	case wire.OServiceUserInfoUserFlags:
		u.flags = t.u16()
		if len(t.value) == 4 {
			u.flags = uint16(t.u32())
		}
	case wire.OServiceUserInfoSignonTOD:
		if n := t.u32(); n > 0 {
			u.since = time.Unix(int64(n), 0)
		}
	case wire.OServiceUserInfoIdleTime:
		u.idle = time.Duration(t.u16()) * time.Minute
	case wire.OServiceUserInfoStatus:
		u.status, u.hasStatus = t.u32(), true
	case wire.OServiceUserInfoOscarCaps:
		u.caps = t.value
	case wire.OServiceUserInfoBARTInfo:
		u.barts = parseBARTs(t.value)
	}
}

// maxBARTs is more than any user has.
const maxBARTs = 16

func parseBARTs(b []byte) []bart {
	var all []bart
	for c := (cursor{b: b}); len(c.b) > 0 && len(all) < maxBARTs; {
		one := bart{kind: c.u16(), flags: c.u8()}
		one.hash = c.take(int(c.u8()))
		if c.short {
			break
		}
		all = append(all, one)
	}
	return all
}

// statusText is the text that goes with his status ("available message"), ""
// where there is none.
func (u userInfo) statusText() string {
	for _, b := range u.barts {
		if b.kind == wire.BARTTypesStatusStr && b.flags&wire.BARTFlagsData != 0 {
			c := cursor{b: b.hash}
			return validText(string(c.bytes16()))
		}
	}
	return ""
}

// can reports whether he has a capability.
func (u userInfo) can(capability [16]byte) bool {
	for c := (cursor{b: u.caps}); len(c.b) >= len(capability); {
		if [16]byte(c.take(16)) == capability {
			return true
		}
	}
	return false
}
