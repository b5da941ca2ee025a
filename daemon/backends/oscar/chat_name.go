// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"strconv"
	"strings"
)

// AIM's rooms are in exchanges: in 4 anybody makes a room by entering it, the
// rooms of 5 are the server's.
const (
	privateExchange = 4
	publicExchange  = 5
)

// venue is a room on the network.
type venue struct {
	exchange uint16
	name     string
}

// maxRoomName is as long a name as servers take.
const maxRoomName = 100

// venueOf reads a room's name as the user writes it: EXCHANGE-NAME, which no
// contact can be called; a name alone is in exchange 4. Servers do not mind the
// case.
func venueOf(room string) (venue, bool) {
	p := venue{privateExchange, room}
	if number, name, ok := strings.Cut(room, "-"); ok {
		if n, err := strconv.ParseUint(number, 10, 16); err == nil {
			p = venue{uint16(n), name}
		}
	}
	p.name = strings.TrimSpace(p.name)
	return p, p.name != "" && len(p.name) <= maxRoomName && p.name == validText(p.name)
}

// plainRoom reports whether a room's name is one without its exchange: a
// contact may be called the same.
func plainRoom(room string) bool {
	number, _, ok := strings.Cut(room, "-")
	_, err := strconv.ParseUint(number, 10, 16)
	return !ok || err != nil
}

// String is the venue as a room's name.
func (p venue) String() string { return strconv.Itoa(int(p.exchange)) + "-" + p.name }

// venueInCookie reads the server's name of a room: EXCHANGE-INSTANCE-NAME.
func venueInCookie(exchange uint16, cookie string) (venue, bool) {
	parts := strings.SplitN(cookie, "-", 3)
	if len(parts) < 3 {
		return venue{}, false
	}
	return venueOf(venue{exchange, parts[2]}.String())
}

// escaped is a room's name as it stands in an address (XEP-0106).
func (p venue) escaped() string {
	return strings.NewReplacer(" ", `\20`, `"`, `\22`, "&", `\26`, "'", `\27`, "/", `\2f`, ":", `\3a`,
		"<", `\3c`, ">", `\3e`, "@", `\40`).Replace(p.String())
}
