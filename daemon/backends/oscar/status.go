// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// The statuses, shortened.
const (
	statusOnline    = pbnetwork.StatusType_STATUS_ONLINE
	statusAway      = pbnetwork.StatusType_STATUS_AWAY
	statusFFC       = pbnetwork.StatusType_STATUS_FFC
	statusXA        = pbnetwork.StatusType_STATUS_XA
	statusDND       = pbnetwork.StatusType_STATUS_DND
	statusNone      = pbnetwork.StatusType_STATUS_NONE
	statusInvisible = pbnetwork.StatusType_STATUS_INVISIBLE
)

// icqStatus is each status as ICQ's clients write it: with the bits of the
// milder ones, for clients that know only those.
var icqStatus = map[pbnetwork.StatusType]uint32{
	statusOnline:    wire.OServiceUserStatusAvailable,
	statusAway:      wire.OServiceUserStatusAway,
	statusXA:        wire.OServiceUserStatusOut | wire.OServiceUserStatusAway,
	statusDND:       wire.OServiceUserStatusDND | wire.OServiceUserStatusBusy | wire.OServiceUserStatusAway,
	statusFFC:       wire.OServiceUserStatusChat,
	statusInvisible: wire.OServiceUserStatusInvisible,
}

// statusOf is what a contact who is there shows.
func statusOf(u userInfo) pbnetwork.StatusType {
	for _, s := range []struct {
		bits uint32
		is   pbnetwork.StatusType
	}{
		{wire.OServiceUserStatusDND | wire.OServiceUserStatusBusy, statusDND},
		{wire.OServiceUserStatusOut, statusXA},
		{wire.OServiceUserStatusAway, statusAway},
		{wire.OServiceUserStatusChat, statusFFC},
	} {
		if u.status&s.bits != 0 {
			return s.is
		}
	}
	if u.flags&wire.OServiceUserFlagUnavailable != 0 || u.idle > 0 {
		return statusAway
	}
	return statusOnline
}

// SetStatus shows the network what the user does.
func (s *session) SetStatus(ctx context.Context, status backend.Status) error {
	s.mu.Lock()
	s.status = status
	s.mu.Unlock()
	l, err := s.online(ctx)
	if err != nil {
		return nil // the login tells it
	}
	return s.sendStatus(l, status)
}

// sendStatus tells the status in ICQ's way and in AIM's, which knows only away
// and a text.
func (s *session) sendStatus(l *link, status backend.Status) error {
	if status.Type == statusNone {
		return nil // the main process logs out then
	}
	value := binary.BigEndian.AppendUint32(nil, icqStatus[status.Type])
	fields := appendTLV(nil, wire.OServiceUserInfoStatus, value)
	fields = appendTLV(fields, wire.OServiceUserInfoBARTInfo, statusBARTs(status.Text))
	if err := l.send(wire.OService, wire.OServiceSetUserInfoFields, raw(fields)); err != nil {
		return err
	}
	return l.send(wire.Locate, wire.LocateSetInfo, raw(awayInfo(status)))
}

// statusBARTs is a status text in the form of a BART item: the text itself in
// the place of the hash, with its length and no encoding named (UTF-8).
func statusBARTs(text string) []byte {
	text = cut(text, 240)
	data := binary.BigEndian.AppendUint16(nil, uint16(len(text)))
	data = append(data, text...)
	if text != "" {
		data = append(data, 0, 0)
	}
	b := binary.BigEndian.AppendUint16(nil, wire.BARTTypesStatusStr)
	return append(append(b, wire.BARTFlagsData, byte(len(data))), data...)
}

// awayTexts stand where an away user gave no text: AIM takes an empty one for
// being back.
var awayTexts = map[pbnetwork.StatusType]string{
	statusAway: "I am away from my computer right now.",
	statusXA:   "I am not available.",
	statusDND:  "Please do not disturb me.",
}

// maxAway is as much of a text as all servers take.
const maxAway = 1000

// awayInfo is the part of LocateSetInfo that says whether the user is away.
func awayInfo(status backend.Status) []byte {
	standard, away := awayTexts[status.Type]
	if !away {
		return appendTLV(nil, wire.LocateTLVTagsInfoUnavailableData, nil)
	}
	text := status.Text
	if text == "" {
		text = standard
	}
	mime, body := aimText(markup(cut(text, maxAway)))
	return appendTLV(appendTLV(nil, wire.LocateTLVTagsInfoUnavailableMime, []byte(mime)), wire.LocateTLVTagsInfoUnavailableData, body)
}

// aimText is HTML as Locate takes it, with its type. Servers forget the
// character set that a text came with, so what is not ASCII is written as
// character references.
func aimText(markup string) (mime string, body []byte) {
	for _, r := range markup {
		if r <= 0x7e {
			body = append(body, byte(r))
		} else {
			body = fmt.Appendf(body, "&#%d;", r)
		}
	}
	return `text/aolrtf; charset="us-ascii"`, body
}
