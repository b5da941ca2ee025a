// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/forward"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// says records a message from a contact and returns its id in the archive.
func (w *world) says(from, text string) string {
	w.t.Helper()
	st := w.Record(parse(w.t, fmt.Sprintf("<message from='%s' to='%s' type='chat' id='%s'><body>%s</body></message>", from, me, xmpp.NewID(), text)), false)
	return mam.IDBy(st, me)
}

// found is a page of an archive.
type found struct {
	texts, ids  []string
	complete    bool
	first, last string
	count       string
}

func (f found) String() string {
	return fmt.Sprint(strings.Join(f.texts, " "), " complete=", f.complete, " count=", f.count)
}

// query asks an archive; fields are pairs, set is the content of RSM's <set/>.
func (w *world) query(to, set string, fields ...string) found {
	w.t.Helper()
	w.received("")
	reply := w.askTo(laptop, to, "set", queryOf(set, fields...))
	fin := reply.Child(mam.NS, "fin")
	if fin == nil {
		w.t.Fatalf("answer %s", reply)
	}
	const rsm = "http://jabber.org/protocol/rsm"
	page := fin.Child(rsm, "set")
	f := found{complete: fin.Get("complete") == "true", first: page.ChildText(rsm, "first"), last: page.ChildText(rsm, "last"), count: page.ChildText(rsm, "count")}
	for _, st := range w.received(laptop) {
		result := st.Child(mam.NS, "result")
		inner, at := forward.Of(result)
		if result.Get("queryid") != "q" || inner == nil || time.Since(at).Abs() > time.Minute || st.Get("from") != cmp.Or(to, me) {
			w.t.Errorf("result %s", st)
		}
		f.texts, f.ids = append(f.texts, xmpp.Body(inner)), append(f.ids, result.Get("id"))
	}
	return f
}

func queryOf(set string, fields ...string) string {
	form, flip := "", ""
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "flip" {
			flip = "<flip-page/>"
			continue
		}
		form += fmt.Sprintf("<field var='%s'><value>%s</value></field>", fields[i], strings.ReplaceAll(fields[i+1], " ", "</value><value>"))
	}
	if form != "" {
		form = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>" + form + "</x>"
	}
	if set != "" {
		set = "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>"
	}
	return "<query xmlns='urn:xmpp:mam:2' queryid='q'>" + form + set + flip + "</query>"
}

func TestArchiveIsReadInPages(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for i := range 10 {
		ids = append(ids, w.says([]string{ann + "/bot", "bob@irc.example.org/bot"}[i%2], fmt.Sprint(i)))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != 10 {
		t.Errorf("ids %v", ids)
	}
	for name, c := range map[string]struct {
		set    string
		fields []string
		want   string
	}{
		"everything":        {"", nil, "0 1 2 3 4 5 6 7 8 9 complete=true count=10"},
		"the first three":   {"<max>3</max>", nil, "0 1 2 complete=false count=10"},
		"the next three":    {"<max>3</max><after>" + ids[2] + "</after>", nil, "3 4 5 complete=false count=10"},
		"the last ones":     {"<max>3</max><after>" + ids[6] + "</after>", nil, "7 8 9 complete=true count=10"},
		"nothing more":      {"<max>3</max><after>" + ids[9] + "</after>", nil, " complete=true count=10"},
		"the newest":        {"<max>3</max><before/>", nil, "7 8 9 complete=false count=10"},
		"before those":      {"<max>3</max><before>" + ids[7] + "</before>", nil, "4 5 6 complete=false count=10"},
		"the oldest":        {"<max>4</max><before>" + ids[4] + "</before>", nil, "0 1 2 3 complete=true count=10"},
		"newest first":      {"<max>3</max><before/>", []string{"flip", ""}, "9 8 7 complete=false count=10"},
		"of one contact":    {"", []string{"with", ann}, "0 2 4 6 8 complete=true count=5"},
		"of one resource":   {"", []string{"with", ann + "/bot"}, "0 2 4 6 8 complete=true count=5"},
		"of another one":    {"", []string{"with", ann + "/other"}, " complete=true count=0"},
		"of nobody":         {"", []string{"with", "nobody@irc.example.org"}, " complete=true count=0"},
		"contact's newest":  {"<max>2</max><before/>", []string{"with", "ANN@irc.example.org"}, "6 8 complete=false count=5"},
		"between ids":       {"", []string{"after-id", ids[2], "before-id", ids[6]}, "3 4 5 complete=true count=3"},
		"ids and a page":    {"<max>1</max><after>" + ids[3] + "</after>", []string{"after-id", ids[2], "before-id", ids[6]}, "4 complete=false count=3"},
		"by id":             {"", []string{"ids", ids[7] + " " + ids[1]}, "1 7 complete=true count=2"},
		"how many":          {"<max>0</max>", nil, " complete=false count=10"},
		"how many of one":   {"<max>0</max>", []string{"with", ann}, " complete=false count=5"},
		"since the morning": {"", []string{"start", delay.Stamp(time.Now().Add(-time.Hour)), "end", delay.Stamp(time.Now().Add(time.Hour))}, "0 1 2 3 4 5 6 7 8 9 complete=true count=10"},
		"of tomorrow":       {"", []string{"start", delay.Stamp(time.Now().Add(time.Hour))}, " complete=true count=0"},
		"of yesterday":      {"", []string{"end", delay.Stamp(time.Now().Add(-time.Hour))}, " complete=true count=0"},
		"of long ago":       {"", []string{"end", "0001-01-01T00:00:00Z"}, " complete=true count=0"},
	} {
		got := w.query("", c.set, c.fields...)
		equal(t, name, got.String(), c.want)
		if n := len(got.ids); n > 0 && min(got.ids[0], got.ids[n-1]) != got.first || n > 0 && max(got.ids[0], got.ids[n-1]) != got.last {
			t.Errorf("%s: %v are from %s to %s", name, got.ids, got.first, got.last)
		}
	}
}

func TestPagesAreBounded(t *testing.T) {
	w := newWorld(t)
	for range 130 {
		w.says(ann, "x")
	}
	if n := len(w.query("", "").texts); n != 50 {
		t.Errorf("a page without a wish has %d messages", n)
	}
	if n := len(w.query("", "<max>100000</max>").texts); n != 100 {
		t.Errorf("the largest page has %d messages", n)
	}
}

func TestQueriesThatAreWrong(t *testing.T) {
	w := newWorld(t)
	w.says(ann, "x")
	roomID := mam.IDBy(w.Record(parse(t, "<message from='"+room+"/n' type='groupchat' id='1'><body>x</body></message>"), false), room)
	for payload, want := range map[string]string{
		queryOf("<max>x</max>"):                                                              "bad-request",
		queryOf("<max>-1</max>"):                                                             "bad-request",
		queryOf("<index>3</index>"):                                                          "feature-not-implemented",
		queryOf("<after>no such</after>"):                                                    "item-not-found",
		queryOf("<before>" + roomID + "</before>"):                                           "item-not-found",
		queryOf("", "after-id", "no such"):                                                   "item-not-found",
		queryOf("", "before-id", "no such"):                                                  "item-not-found",
		queryOf("", "ids", "no such"):                                                        "item-not-found",
		queryOf("", "ids", strings.Repeat("a ", 200)+"a"):                                    "bad-request",
		queryOf("", "with", "@"):                                                             "jid-malformed",
		queryOf("", "start", "yesterday"):                                                    "bad-request",
		queryOf("", "end", "2020-13-01T00:00:00Z"):                                           "bad-request",
		queryOf("", "colour", "blue"):                                                        "feature-not-implemented",
		"<query xmlns='urn:xmpp:mam:2' node='n'/>":                                           "feature-not-implemented",
		"<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'/></query>":     "bad-request",
		"<prefs xmlns='urn:xmpp:mam:2'/>":                                                    "bad-request",
		"<prefs xmlns='urn:xmpp:mam:2' default='always'><never><jid>@</jid></never></prefs>": "jid-malformed",
	} {
		equal(t, payload, w.refused(laptop, "", "set", payload), want)
	}
}

func TestWhatIsArchived(t *testing.T) {
	long := strings.Repeat("x", 70000)
	for st, want := range map[string]bool{
		"<message type='chat' from='F' to='M'><body>x</body></message>":                                             true,
		"<message from='F' to='M'><body>x</body></message>":                                                         true,
		"<message type='normal' from='F' to='M'><body>x</body></message>":                                           true,
		"<message type='chat' from='F' to='M'><x xmlns='urn:x'/><store xmlns='urn:xmpp:hints'/></message>":          true,
		"<message type='chat' from='F' to='M'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>": false,
		"<message type='chat' from='F' to='M'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>":           false,
		"<message type='chat' from='F' to='M'><body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>": false,
		"<message type='error' from='F' to='M'><body>x</body></message>":                                            false,
		"<message type='headline' from='F' to='M'><body>x</body></message>":                                         false,
		"<message type='chat' from='irc.example.org' to='M'><body>your password, please</body></message>":           false,
		"<message type='chat' from='M' to='M'><body>a note</body></message>":                                        false,
		"<message type='chat' from='@' to='M'><body>x</body></message>":                                             false,
		"<message type='chat' from='F' to='M'><body>" + long + "</body></message>":                                  false,
		"<presence from='F' to='M'/>": false,
	} {
		w := newWorld(t)
		in := parse(t, strings.NewReplacer("'F'", "'"+ann+"/bot'", "'M'", "'"+me+"'").Replace(st))
		before := in.String()
		out := w.Record(in, false)
		equal(t, "what was given of "+before[:min(len(before), 200)], in.String(), before)
		if kept := len(w.query("", "").texts) == 1; kept != want {
			t.Errorf("%.200s: archived %v", st, kept)
		}
		if named := mam.IDBy(out, me) != ""; named != want {
			t.Errorf("%.200s: named %v", st, named)
		}
	}
}

func TestSentMessagesAreTheContacts(t *testing.T) {
	w := newWorld(t)
	st := w.Record(parse(t, "<message from='"+laptop+"' to='"+ann+"' type='chat' id='1'><body>hello</body></message>"), true)
	w.says(ann+"/bot", "hi")
	w.says("bob@irc.example.org", "other")
	got := w.query("", "", "with", ann)
	equal(t, "the conversation", got.String(), "hello hi complete=true count=2")
	equal(t, "the name of what was sent", mam.IDBy(st, me), got.first)
}

func TestForgedNamesAreRemoved(t *testing.T) {
	w := newWorld(t)
	const forged = "<stanza-id xmlns='urn:xmpp:sid:0' by='ME@irc.example.org' id='forged'/>"
	kept := w.Record(parse(t, "<message from='"+ann+"' to='"+me+"' type='chat'><body>x</body>"+forged+"<stanza-id xmlns='urn:xmpp:sid:0' by='"+ann+"' id='hers'/></message>"), false)
	other := w.Record(parse(t, "<message from='"+ann+"' to='"+me+"' type='chat'>"+forged+"</message>"), false)
	if s := kept.String() + other.String(); strings.Contains(s, "forged") || !strings.Contains(s, "hers") {
		t.Error(s)
	}
	w.query("", "")
}

func TestRoomsHaveTheirOwnArchive(t *testing.T) {
	w := newWorld(t)
	line := func(to, nick, id, text, more string) string {
		t.Helper()
		st := w.Record(parse(t, fmt.Sprintf("<message from='%s/%s' to='%s' type='groupchat' id='%s'><body>%s</body>%s</message>", room, nick, to, id, text, more)), false)
		return mam.IDBy(st, room)
	}
	// Both clients are there; one comes back and gets the history again.
	first := line(laptop, "ann", "1", "hello", "")
	equal(t, "the other client's copy", line(phone, "ann", "1", "hello", ""), first)
	stamp := delay.Element(room, time.Now(), "").String()
	equal(t, "the copy in the history", line(phone, "ann", "1", "hello", stamp), first)
	named := line(laptop, "bob", "2", "hi", "<stanza-id xmlns='urn:xmpp:sid:0' by='"+room+"' id='network-7'/>")
	equal(t, "the network's name", named, "network-7")
	line(phone, "bob", "3", "hi", "")
	// The user's own words come back from the room.
	w.Record(parse(t, "<message from='"+laptop+"' to='"+room+"' type='groupchat' id='4'><body>me</body></message>"), true)
	w.Record(parse(t, "<message from='"+room+"/ann' to='"+laptop+"' type='groupchat' id='5'><subject>topic</subject></message>"), false)

	equal(t, "the room", w.query(room, "").String(), "hello hi hi complete=true count=3")
	equal(t, "after the named one", w.query(room, "<after>network-7</after>").String(), "hi complete=true count=3")
	equal(t, "one occupant", w.query(room, "", "with", room+"/bob").String(), "hi hi complete=true count=2")
	equal(t, "somebody else", w.query(room, "", "with", ann).String(), " complete=true count=0")
	equal(t, "the user's own archive", w.query("", "").String(), " complete=true count=0")
	w.open()
	line(laptop, "ann", "1", "hello", stamp)
	equal(t, "after the next login", w.query(room, "").String(), "hello hi hi complete=true count=3")

	w.SetArchive(7, false)
	if line(laptop, "ann", "9", "more", "") != "" {
		t.Error("a message was archived although rooms are not")
	}
	if _, handled := w.IQ(t.Context(), xmpp.NewIQ("set", laptop, room, "").Add(parse(t, queryOf("")))); handled {
		t.Error("a room was asked although rooms are not archived")
	}
}

func TestArchiveEndsAreTold(t *testing.T) {
	w := newWorld(t)
	const ask = "<metadata xmlns='urn:xmpp:mam:2'/>"
	equal(t, "empty", w.must(laptop, "get", ask), "<metadata xmlns='urn:xmpp:mam:2'/>")
	a := w.says(ann, "a")
	w.says(ann, "b")
	c := w.says(ann, "c")
	m := w.ask(laptop, "get", ask).First()
	equal(t, "start", m.Child(mam.NS, "start").Get("id"), a)
	equal(t, "end", m.Child(mam.NS, "end").Get("id"), c)
	at, err := delay.ParseStamp(m.Child(mam.NS, "end").Get("timestamp"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("end at %v, %v", at, err)
	}
	if form := w.must(laptop, "get", "<query xmlns='urn:xmpp:mam:2'/>"); !strings.Contains(form, "var='before-id'") {
		t.Errorf("form %s", form)
	}
}

func TestNoArchiveIsOffered(t *testing.T) {
	w := newWorld(t, func(o *personal.Options) { o.Days = 0 })
	if w.says(ann, "x") != "" || slices.Contains(w.Features(), mam.NS) {
		t.Error("there is an archive")
	}
	if _, handled := w.IQ(t.Context(), xmpp.NewIQ("set", laptop, "", "").Add(parse(t, queryOf("")))); handled {
		t.Error("the archive was asked")
	}
}

func TestWhatTheUserDoesNotWantArchived(t *testing.T) {
	w := newWorld(t)
	equal(t, "preferences at first", w.must(laptop, "get", "<prefs xmlns='urn:xmpp:mam:2'/>"), "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>")
	set := "<prefs xmlns='urn:xmpp:mam:2' default='roster'><never><jid>ANN@irc.example.org/x</jid><jid>" + ann + "</jid></never></prefs>"
	want := "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never><jid>" + ann + "</jid></never></prefs>"
	equal(t, "as they were taken", w.must(laptop, "set", set), want)
	w.open()
	equal(t, "at the next login", w.must(laptop, "get", "<prefs xmlns='urn:xmpp:mam:2'/>"), want)
	w.says(ann, "secret")
	w.says("bob@irc.example.org", "open")
	w.must(laptop, "set", "<prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>"+ann+"</jid></always></prefs>")
	w.says(ann, "now")
	w.says("bob@irc.example.org", "not")
	equal(t, "archived", w.query("", "").String(), "open now complete=true count=2")
}

func TestOldMessagesArePurged(t *testing.T) {
	w := newWorld(t)
	old := time.Now().Add(-8 * 24 * time.Hour).UnixMicro()
	var many []store.Archived
	for i := range int64(1200) {
		many = append(many, store.Archived{Seq: old + i, Peer: ann, ID: fmt.Sprint(i), Stanza: []byte("<message xmlns='jabber:client'/>")})
	}
	if err := w.db.AddArchived(t.Context(), 1, w.id, many); err != nil {
		t.Fatal(err)
	}
	other := &store.User{JID: "other@irc.example.org"}
	if err := w.db.CreateUser(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := w.db.AddArchived(t.Context(), 1, other.ID, many); err != nil {
		t.Fatal(err)
	}
	w.says(ann, "new")
	if n, err := personal.Purge(t.Context(), w.db, 30); err != nil || n != 0 {
		t.Errorf("%d messages of eight days ago purged after thirty, %v", n, err)
	}
	// Whoever writes has his own purged; the rest is the instance's to do.
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.db.CountArchived(t.Context(), w.id, store.ArchiveQuery{}, 10000); err != nil || n != 1 {
		t.Errorf("%d messages left, %v", n, err)
	}
	if n, err := personal.Purge(t.Context(), w.db, 7); err != nil || n != 1200 {
		t.Errorf("%d messages purged, %v", n, err)
	}
}
