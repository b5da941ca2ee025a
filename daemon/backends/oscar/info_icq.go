// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// icqVCard is what an ICQ user tells about himself.
func (s *session) icqVCard(ctx context.Context, name string) (backend.VCard, error) {
	uin, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return backend.VCard{}, errNotFound
	}
	number := binary.LittleEndian.AppendUint32(nil, uint32(uin))
	// Asked for all about a number that does not exist, some servers end the
	// session: so it is asked first whether there is one.
	short, err := s.meta(ctx, wire.ICQDBQueryMetaReqShortInfo, number)
	if err != nil {
		return backend.VCard{}, err
	}
	var v backend.VCard
	for _, r := range short {
		if r.success != wire.ICQStatusCodeOK {
			return v, errNotFound
		}
		shortInfo(&v, &r)
	}
	full, err := s.meta(ctx, wire.ICQDBQueryMetaReqFullInfo, number)
	if err != nil {
		s.log.Info("the details about a contact were not had", "contact", name, "err", err)
		return v, nil
	}
	for _, r := range full {
		if fill := infoParts[r.sub]; fill != nil && r.success == wire.ICQStatusCodeOK {
			fill(&v, &r)
		}
	}
	return v, nil
}

// infoParts are the parts of the full information: each by its own reply. What
// a reply lacks reads as "".
var infoParts = map[uint16]func(*backend.VCard, *metaReply){
	wire.ICQDBQueryMetaReplyBasicInfo: basicInfo,
	wire.ICQDBQueryMetaReplyMoreInfo:  moreInfo,
	wire.ICQDBQueryMetaReplyWorkInfo:  workInfo,
	wire.ICQDBQueryMetaReplyNotes:     func(v *backend.VCard, r *metaReply) { v.Description = r.str() },
	wire.ICQDBQueryMetaReplyInterests: interests,
}

func shortInfo(v *backend.VCard, r *metaReply) {
	v.Nickname, v.Given, v.Family, v.Email = r.str(), r.str(), r.str(), r.str()
	v.FullName = join(" ", v.Given, v.Family)
}

func basicInfo(v *backend.VCard, r *metaReply) {
	shortInfo(v, r)
	v.City, v.Region, v.Phone = r.str(), r.str(), r.str()
	r.str() // fax
	v.Street, v.Mobile, v.PostalCode = r.str(), r.str(), r.str()
	v.Country = countries[r.u16le()]
	r.take(4) // time zone, authorization, status on the web, direct connections
	if hidden := r.u8(); !r.short && hidden == 1 {
		v.Email = ""
	}
}

func moreInfo(v *backend.VCard, r *metaReply) {
	r.u16le() // age
	v.Gender = map[uint8]string{1: "female", 2: "male"}[r.u8()]
	v.URL = r.str()
	year, month, day := r.u16le(), r.u8(), r.u8()
	if !r.short && 0 < month && month <= 12 && 0 < day && day <= 31 {
		v.Birthday = fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	}
}

func workInfo(v *backend.VCard, r *metaReply) {
	for range 6 { // city, state, phone, fax, street, ZIP
		r.str()
	}
	r.u16le() // country
	company, department := r.str(), r.str()
	v.Organisation, v.Title = join(", ", company, department), r.str()
	r.u16le() // occupation
	if page := r.str(); v.URL == "" {
		v.URL = page
	}
}

// maxInterests is more than the four there are.
const maxInterests = 16

func interests(v *backend.VCard, r *metaReply) {
	var all []string
	for range min(int(r.u8()), maxInterests) {
		r.u16le()
		if word := r.str(); word != "" {
			all = append(all, word)
		}
	}
	if len(all) > 0 {
		v.Description = join("\n", v.Description, "Interests: "+strings.Join(all, ", "))
	}
}

// join joins what is not empty.
func join(between string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, between)
}
