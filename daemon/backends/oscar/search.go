// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// searchForm is what the directories can be searched for.
func searchForm() *backend.SearchForm {
	field := func(name, label string) *pbnetwork.StepField {
		return &pbnetwork.StepField{Name: proto.String(name), Label: proto.String(label)}
	}
	return &backend.SearchForm{
		Instructions: "Fill in what you know: a number or screen name, an address, or a name.",
		Fields: []*pbnetwork.StepField{
			field("first", "First name"), field("last", "Last name"), field("nick", "Nickname"),
			field("email", "E-mail"), field("uin", "ICQ number or AIM name"),
		},
	}
}

// searchColumns are what is told about each who is found.
var searchColumns = []backend.SearchColumn{
	{Name: "nick", Label: "Nickname"}, {Name: "first", Label: "First name"}, {Name: "last", Label: "Last name"},
	{Name: "email", Label: "E-mail"}, {Name: "where", Label: "Place"}, {Name: "state", Label: "State"},
}

// found is somebody in a directory.
type found struct{ name, nick, first, last, email, where, state string }

func (f found) row() backend.SearchRow {
	return backend.SearchRow{Contact: f.name, Values: []string{f.nick, f.first, f.last, f.email, f.where, f.state}}
}

// errSearchEmpty: nothing was asked for. It is for the user, like the other
// errors of Search.
var errSearchEmpty = errors.New("fill in at least one field")

// Search searches the directory of the user's network.
func (s *session) Search(ctx context.Context, fields map[string]string) (backend.SearchResult, error) {
	for name, value := range fields {
		if fields[name] = strings.TrimSpace(value); fields[name] == "" {
			delete(fields, name)
		}
	}
	if len(fields) == 0 {
		return backend.SearchResult{}, errSearchEmpty
	}
	search := s.searchAIM
	if s.icq() {
		search = s.searchICQ
	}
	all, more, err := search(ctx, fields)
	if err != nil && !errors.Is(err, errNotFound) {
		s.log.Info("a search has failed", "err", err)
		return backend.SearchResult{}, errors.New("the network did not answer the search")
	}
	result := backend.SearchResult{Columns: searchColumns, More: more}
	for _, f := range all {
		if f.name != "" {
			result.Rows = append(result.Rows, f.row())
		}
	}
	return result, nil
}

// searchICQ asks ICQ's database, by a number alone or by all else.
func (s *session) searchICQ(ctx context.Context, fields map[string]string) ([]found, bool, error) {
	sub, payload := wire.ICQDBQueryMetaReqSearchWhitePages2, []byte(nil)
	if uin, ok := fields["uin"]; ok {
		number, err := strconv.ParseUint(normal(uin), 10, 32)
		if err != nil {
			return nil, false, errNotFound
		}
		sub = wire.ICQDBQueryMetaReqSearchByUIN2
		payload = appendTLVLE(nil, wire.ICQTLVTagsUIN, binary.LittleEndian.AppendUint32(nil, uint32(number)))
	} else {
		for name, tag := range map[string]uint16{
			"first": wire.ICQTLVTagsFirstName, "last": wire.ICQTLVTagsLastName,
			"nick": wire.ICQTLVTagsNickname, "email": wire.ICQTLVTagsEmail,
		} {
			if text := fields[name]; text != "" {
				payload = appendTLVLE(payload, tag, appendICQString(nil, s.icqBytes(text)))
			}
		}
	}
	replies, err := s.meta(ctx, sub, payload)
	if err != nil {
		return nil, false, err
	}
	var all []found
	more := false
	for _, r := range replies {
		switch r.success {
		case wire.ICQStatusCodeOK:
		case wire.ICQStatusCodeFail:
			return all, more, errNotFound
		default:
			return all, more, errMeta
		}
		f, left := parseFound(&r)
		all, more = append(all, f), more || left > 0
	}
	return all, more, nil
}

// parseFound reads one who was found, and how many others there are.
func parseFound(r *metaReply) (f found, left uint32) {
	r.u16le() // length
	f.name = strconv.FormatUint(uint64(r.u32le()), 10)
	f.nick, f.first, f.last, f.email = r.str(), r.str(), r.str(), r.str()
	if r.u8() == 0 {
		f.state = "asks before one sees him"
	}
	if r.u16le() == 1 {
		f.state = join(", ", "online", f.state)
	}
	r.u8() // gender
	r.u16le()
	if r.short {
		return found{}, 0
	}
	if r.sub == wire.ICQDBQueryMetaReplyLastUserFound {
		left = r.u32le()
	}
	return f, left
}

// searchAIM asks AIM's directory: by an address, or by names; a screen name is
// looked up.
func (s *session) searchAIM(ctx context.Context, fields map[string]string) ([]found, bool, error) {
	if name := normal(fields["uin"]); name != "" {
		return s.lookUpAIM(ctx, name)
	}
	var query []byte
	add := func(tag uint16, text string) {
		if text != "" {
			query = appendTLV(query, tag, s.icqBytes(text))
		}
	}
	if add(wire.ODirTLVEmailAddress, fields["email"]); query == nil {
		add(wire.ODirTLVFirstName, fields["first"])
		add(wire.ODirTLVLastName, fields["last"])
		add(wire.ODirTLVNickName, fields["nick"])
	}
	l, err := s.open(ctx, wire.ODir, nil)
	if err != nil {
		return nil, false, err
	}
	defer l.close()
	p, err := l.request(ctx, wire.ODir, wire.ODirInfoQuery, raw(query))
	if err != nil {
		return nil, false, err
	}
	return s.parseDirectory(p.body)
}

// lookUpAIM finds a screen name: in the directory, or because he is there.
func (s *session) lookUpAIM(ctx context.Context, name string) ([]found, bool, error) {
	entry, err := s.directoryOf(ctx, name)
	if err != nil {
		return nil, false, err
	}
	f := foundIn(entry)
	f.name = name
	_, _, err = s.profileOf(ctx, name)
	var refused *snacError
	switch {
	case err == nil:
		f.state = "online"
	case !errors.As(err, &refused):
		return nil, false, err
	case len(entry) == 0:
		return nil, false, errNotFound
	}
	return []found{f}, false, nil
}

// maxFound is how many are taken from one answer.
const maxFound = 500

// parseDirectory reads SNAC(0x0F,0x03).
func (s *session) parseDirectory(b []byte) (all []found, more bool, err error) {
	c := cursor{b: b}
	status := c.u16()
	c.u16()
	switch status {
	case wire.ODirSearchResponseOK:
	case wire.ODirSearchResponseTooManyResults:
		more = true
	default:
		return nil, false, fmt.Errorf("the directory answers with status %d", status)
	}
	for n := c.u16(); n > 0 && len(all) < maxFound && !c.short; n-- {
		entry := s.directoryEntry(c.countedTLVs(int(c.u16())))
		f := foundIn(entry)
		f.name = normal(entry[wire.ODirTLVScreenName])
		all = append(all, f)
	}
	return all, more || len(all) == maxFound, nil
}

func foundIn(entry map[uint16]string) found {
	return found{
		nick: entry[wire.ODirTLVNickName], first: entry[wire.ODirTLVFirstName], last: entry[wire.ODirTLVLastName],
		email: entry[wire.ODirTLVEmailAddress],
		where: join(", ", entry[wire.ODirTLVCity], entry[wire.ODirTLVState], entry[wire.ODirTLVCountry]),
	}
}
