// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"strings"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// aimVCard is what an AIM user tells about himself: his entry in the directory,
// and while he is there his profile and away message.
func (s *session) aimVCard(ctx context.Context, name string) (backend.VCard, error) {
	dir, err := s.directoryOf(ctx, name)
	if err != nil {
		s.log.Debug("the directory says nothing about a contact", "contact", name, "err", err)
	}
	v := backend.VCard{
		Nickname: dir[wire.ODirTLVNickName], Given: dir[wire.ODirTLVFirstName], Family: dir[wire.ODirTLVLastName],
		Street: dir[wire.ODirTLVAddress], City: dir[wire.ODirTLVCity], Region: dir[wire.ODirTLVState],
		PostalCode: dir[wire.ODirTLVZIP], Country: dir[wire.ODirTLVCountry],
	}
	v.FullName = join(" ", v.Given, dir[wire.ODirTLVMiddleName], v.Family)
	p, away, err := s.profileOf(ctx, name)
	var refused *snacError
	if errors.As(err, &refused) { // he is not there
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if away != "" {
		away = "Away: " + away
	}
	v.Description = join("\n", p, away)
	return v, nil
}

// directoryOf is somebody's entry in AIM's directory, by wire.ODirTLV….
func (s *session) directoryOf(ctx context.Context, name string) (map[uint16]string, error) {
	l, err := s.online(ctx)
	if err != nil {
		return nil, err
	}
	p, err := l.request(ctx, wire.Locate, wire.LocateGetDirInfo, raw(appendStr8(nil, name)))
	if err != nil {
		return nil, err
	}
	c := cursor{b: p.body}
	c.u16() // status
	return s.directoryEntry(c.countedTLVs(int(c.u16()))), nil
}

// directoryEntry reads an entry; its strings have no charset.
func (s *session) directoryEntry(tlvs []tlv) map[uint16]string {
	all := make(map[uint16]string, len(tlvs))
	for _, t := range tlvs {
		if len(t.value) > 0 {
			all[t.tag] = s.network.settings.charset.decode(t.value)
		}
	}
	return all
}

// profileOf is somebody's profile and away message as plain text.
func (s *session) profileOf(ctx context.Context, name string) (profile, away string, err error) {
	l, err := s.online(ctx)
	if err != nil {
		return "", "", err
	}
	what := byte(wire.LocateTypeSig | wire.LocateTypeUnavailable)
	p, err := l.request(ctx, wire.Locate, wire.LocateUserInfoQuery, raw(appendStr8([]byte{0, what}, name)))
	if err != nil {
		return "", "", err
	}
	c := cursor{b: p.body}
	c.userInfo()
	tlvs := c.tlvs()
	if c.short && len(tlvs) == 0 {
		return "", "", errShort
	}
	text := func(mime, data uint16) string {
		m, _ := find(tlvs, mime)
		d, _ := find(tlvs, data)
		return strings.TrimSpace(plain(s.mimeText(string(m.value), d.value)))
	}
	return text(wire.LocateTLVTagsInfoSigMime, wire.LocateTLVTagsInfoSigData),
		text(wire.LocateTLVTagsInfoUnavailableMime, wire.LocateTLVTagsInfoUnavailableData), nil
}

// mimeText decodes a text that comes with a type like
// text/aolrtf; charset="unicode-2-0", or with the name of a charset alone.
func (s *session) mimeText(mime string, b []byte) string {
	mime = strings.ToLower(mime)
	switch {
	case strings.Contains(mime, "unicode-2-0"), strings.Contains(mime, "utf-16"):
		return decodeUTF16(b)
	case strings.Contains(mime, "iso-8859-1"):
		var latin strings.Builder
		for _, c := range b {
			latin.WriteRune(rune(c))
		}
		return validText(latin.String())
	}
	return s.network.settings.charset.decode(b)
}
