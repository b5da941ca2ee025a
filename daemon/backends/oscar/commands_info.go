// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// infoField is something that the user can tell about himself: how it is called
// in ICQ's database and in AIM's directory, 0 where that has no such thing.
type infoField struct {
	name, label string
	icq, aim    uint16
}

var ownInfo = []infoField{
	{"nick", "Nickname", wire.ICQTLVTagsNickname, wire.ODirTLVNickName},
	{"first", "First name", wire.ICQTLVTagsFirstName, wire.ODirTLVFirstName},
	{"last", "Last name", wire.ICQTLVTagsLastName, wire.ODirTLVLastName},
	{"email", "E-mail (ICQ)", wire.ICQTLVTagsEmail, 0},
	{"street", "Street", wire.ICQTLVTagsHomeStreetAddress, wire.ODirTLVAddress},
	{"city", "City", wire.ICQTLVTagsHomeCityName, wire.ODirTLVCity},
	{"state", "State or region", wire.ICQTLVTagsHomeStateAbbr, wire.ODirTLVState},
	{"country", "Country (AIM)", 0, wire.ODirTLVCountry},
	{"phone", "Telephone (ICQ)", wire.ICQTLVTagsHomePhoneNumber, 0},
	{"mobile", "Mobile telephone (ICQ)", wire.ICQTLVTagsHomeCellularPhoneNumber, 0},
	{"homepage", "Home page (ICQ)", wire.ICQTLVTagsHomepageURL, 0},
	{"birthday", "Birthday, as 1970-12-31 (ICQ)", wire.ICQTLVTagsBirthdayInfo, 0},
	{"gender", "Gender: male, female (ICQ)", wire.ICQTLVTagsGender, 0},
	{"about", "About yourself (ICQ)", wire.ICQTLVTagsNotesText, 0},
}

// infoFields is the form: what is left empty stays as it is.
func infoFields(text func(name, label string) *pbnetwork.StepField) []*pbnetwork.StepField {
	var all []*pbnetwork.StepField
	for _, f := range ownInfo {
		all = append(all, text(f.name, f.label))
	}
	return all
}

// clearedBy is what the user writes to take something out.
const clearedBy = "-"

// changeInfo changes what is filled in.
func (s *session) changeInfo(ctx context.Context, args []string) (string, error) {
	change, set := s.changeDirectory, map[int]string{}
	for i, value := range args {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if set[i] = value; value == clearedBy {
			set[i] = ""
		}
	}
	if len(set) == 0 {
		return "", errors.New(`nothing is filled in; "` + clearedBy + `" takes something out`)
	}
	if s.icq() {
		change = s.changeICQ
	}
	if err := change(ctx, set); err != nil {
		return "", err
	}
	return "What you tell about yourself has been changed.", nil
}

// changeICQ changes the user's entry in ICQ's database: what is not sent stays.
func (s *session) changeICQ(ctx context.Context, set map[int]string) error {
	var payload []byte
	for i, value := range set {
		f := ownInfo[i]
		if f.icq == 0 {
			return fmt.Errorf("ICQ has no place for this: %s", f.label)
		}
		b, err := s.icqValue(f, value)
		if err != nil {
			return err
		}
		payload = appendTLVLE(payload, f.icq, b)
	}
	return s.metaSet(ctx, wire.ICQDBQueryMetaReqSetFullInfo, payload)
}

// metaSet changes something in ICQ's database.
func (s *session) metaSet(ctx context.Context, sub uint16, payload []byte) error {
	replies, err := s.meta(ctx, sub, payload)
	if err != nil {
		s.log.Info("the user's entry was not changed", "err", err)
		return errors.New("the network did not answer")
	}
	for _, r := range replies {
		if r.success != wire.ICQStatusCodeOK {
			return errMeta
		}
	}
	return nil
}

// maxInfo is as much as one thing may be.
const maxInfo = 400

// icqValue encodes one thing for ICQ's database.
func (s *session) icqValue(f infoField, value string) ([]byte, error) {
	switch f.icq {
	case wire.ICQTLVTagsGender:
		n, ok := map[string]byte{"": 0, "female": 1, "male": 2}[strings.ToLower(value)]
		if !ok {
			return nil, errors.New("the gender is male or female, or - for none")
		}
		return []byte{n}, nil
	case wire.ICQTLVTagsBirthdayInfo:
		return icqDate(value)
	}
	text := s.icqBytes(value)
	if len(text) > maxInfo {
		return nil, fmt.Errorf("this is too long: %s", f.label)
	}
	b := appendICQString(nil, text)
	if f.icq == wire.ICQTLVTagsEmail {
		b = append(b, 0) // may be shown
	}
	return b, nil
}

func icqDate(value string) ([]byte, error) {
	var d time.Time
	if value != "" {
		var err error
		if d, err = time.Parse(time.DateOnly, value); err != nil {
			return nil, errors.New("the birthday has to be written like 1970-12-31")
		}
	}
	var b []byte
	for _, n := range []int{d.Year(), int(d.Month()), d.Day()} {
		if value == "" {
			n = 0
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	return b, nil
}

// changeDirectory changes the user's entry in AIM's directory, which is set as
// a whole.
func (s *session) changeDirectory(ctx context.Context, set map[int]string) error {
	entry, err := s.directoryOf(ctx, s.name)
	if err != nil {
		s.log.Info("the user's entry was not had", "err", err)
		return errors.New("the network did not answer")
	}
	for i, value := range set {
		f := ownInfo[i]
		switch {
		case f.aim == 0:
			return fmt.Errorf("AIM has no place for this: %s", f.label)
		case len(value) > maxInfo:
			return fmt.Errorf("this is too long: %s", f.label)
		}
		entry[f.aim] = value
	}
	var body []byte
	for tag, value := range entry {
		body = appendTLV(body, tag, s.icqBytes(value))
	}
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	if _, err := l.request(ctx, wire.Locate, wire.LocateSetDirInfo, raw(body)); err != nil {
		s.log.Info("the user's entry was not changed", "err", err)
		return errMeta
	}
	return nil
}

// maxProfile is as much of a profile as all servers take.
const maxProfile = 1000

// changeProfile changes the user's profile; in ICQ that is the text about
// himself.
func (s *session) changeProfile(ctx context.Context, args []string) (string, error) {
	text := strings.TrimSpace(args[0])
	if s.icq() {
		for i, f := range ownInfo {
			if f.icq == wire.ICQTLVTagsNotesText {
				return "Your profile has been changed.", s.changeICQ(ctx, map[int]string{i: text})
			}
		}
	}
	l, err := s.online(ctx)
	if err != nil {
		return "", err
	}
	mime, profile := aimText(markup(text))
	if len(profile) > maxProfile {
		return "", errors.New("the profile is too long")
	}
	body := appendTLV(nil, wire.LocateTLVTagsInfoSigMime, []byte(mime))
	body = appendTLV(body, wire.LocateTLVTagsInfoSigData, profile)
	// The first is for servers that keep profiles, the second for those that
	// have it from each client for as long as he is there.
	kept := appendTLV(bytes.Clone(body), wire.LocateTLVTagsInfoSupportHostSig, []byte{1})
	for _, b := range [][]byte{kept, body} {
		if err := l.send(wire.Locate, wire.LocateSetInfo, raw(b)); err != nil {
			return "", err
		}
	}
	return "Your profile has been changed.", nil
}
