// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"testing"
	"unicode/utf8"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// FuzzAnswers reads what a server may answer about people, rooms and icons.
func FuzzAnswers(f *testing.F) {
	name := append([]byte{4, 0}, "100\x00"...)
	f.Add([]byte(metaRequest(100001, wire.ICQDBQueryMetaReplyBasicInfo, append([]byte{10}, name...))))
	f.Add([]byte(roomBody("hello", "", true)))
	f.Add([]byte{0, 4, 0, 30, 0, 4, 5, '4', '-', '0', '-', 'a', 0, 0, 2, 0, 1, 0, 0xd1, 0, 2, 4, 0})
	f.Add([]byte{0, 5, 0, 0, 0, 1, 0, 1, 0, 9, 0, 3, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &session{network: &Network{}}
		if r, err := parseMeta(b); err == nil {
			r.text = s.network.settings.charset.decode
			for sub, fill := range infoParts {
				var v backend.VCard
				part := r
				part.sub = sub
				fill(&v, &part)
				if !utf8.ValidString(v.Nickname + v.Description + v.Organisation) {
					t.Errorf("the vCard is %+v", v)
				}
			}
			if found, _ := parseFound(&r); !utf8.ValidString(found.nick) {
				t.Errorf("found %+v", found)
			}
		}
		if all, _, err := s.parseDirectory(b); err == nil && len(all) > maxFound {
			t.Errorf("%d found", len(all))
		}
		if i, err := parseNavInfo(b); err == nil && i.cookie == "" {
			t.Error("a room without a cookie")
		}
		if w, err := s.parseSaid(b); err == nil && (!utf8.ValidString(w.text+w.shown) || w.from == "") {
			t.Errorf("said: %+v", w)
		}
		c := cursor{b: b}
		if all := c.users(); len(all) > maxOccupants {
			t.Errorf("%d users", len(all))
		}
		if data := parseIcon(b); data != nil && len(data) > len(b) {
			t.Errorf("an icon of %d bytes out of %d", len(data), len(b))
		}
		if p, ok := venueOf(string(b)); ok {
			if again, ok := venueOf(p.String()); !ok || again != p {
				t.Errorf("%q is %v and then %v", b, p, again)
			}
		}
		if n := len(b); n < 300 && utf8.Valid(b) && n > 0 {
			joined := ""
			for _, part := range roomParts(string(b), 20) {
				joined += part
			}
			if joined != string(b) {
				t.Errorf("%q was split into %q", b, joined)
			}
		}
	})
}
