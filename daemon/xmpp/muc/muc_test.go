// SPDX-License-Identifier: GPL-2.0-or-later

package muc_test

import (
	"reflect"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

func parse(t *testing.T, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestUser(t *testing.T) {
	want := muc.User{
		Items: []muc.Item{{
			Affiliation: muc.None, Role: muc.None, JID: "a@b/c", Nick: "new", Actor: "op", ActorJID: "op@b", Reason: "spam",
		}},
		Statuses: []int{muc.StatusKicked, muc.StatusSelf}, Password: "x",
		Invites: []muc.Invite{{To: "a@b", Reason: "come", Continue: true, Thread: "t"}, {From: "c@d"}},
		Decline: &muc.Decline{To: "a@b", From: "c@d", Reason: "no"}, Destroy: &muc.Destroy{JID: "r@c", Password: "p", Reason: "moved"},
	}
	st := xmpp.NewPresence("unavailable", "r@c/n", "a@b/c").Add(want.Element())
	got := muc.UserOf(parse(t, st.String()))
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v\nwant %+v", *got, want)
	}
	if !got.Has(110) || got.Has(301) || (*muc.User)(nil).Has(110) || muc.UserOf(xmpp.New(xmpp.NSClient, "presence")) != nil {
		t.Error("Has")
	}
}

// TestKick is XEP-0045's example 91, as it goes to the one who is kicked.
func TestKick(t *testing.T) {
	u := muc.User{Items: []muc.Item{{Affiliation: muc.None, Role: muc.None, Actor: "Fluellen", Reason: "Avaunt, you cullion!"}}, Statuses: []int{110, 307}}
	const want = `<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'><actor nick='Fluellen'/>` +
		`<reason>Avaunt, you cullion!</reason></item><status code='110'/><status code='307'/></x>`
	if got := u.Element().String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestJoin(t *testing.T) {
	presence := parse(t, `<presence xmlns='jabber:client' to='r@c/n'><x xmlns='http://jabber.org/protocol/muc'><password>cauldronburn</password>`+
		`<history maxchars='65000' maxstanzas='0' seconds='180' since='1970-01-01T00:00:00Z'/></x></presence>`)
	j := muc.JoinOf(presence)
	want := &muc.Join{Password: "cauldronburn", History: muc.History{MaxChars: 65000, MaxStanzas: 0, Seconds: 180, Since: time.Unix(0, 0).UTC()}}
	if !reflect.DeepEqual(j, want) {
		t.Errorf("%+v", j)
	}
	back := muc.JoinOf(xmpp.NewPresence("", "", "").Add(j.Element()))
	if !reflect.DeepEqual(back, want) {
		t.Errorf("%+v", back)
	}
	now := time.Unix(1000, 0)
	if got := j.History.From(now); !got.Equal(time.Unix(820, 0)) {
		t.Error(got)
	}
	if got := muc.AllHistory().From(now); !got.IsZero() {
		t.Error(got)
	}
	bad := muc.JoinOf(parse(t, `<presence xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='-5' seconds='x'/></x></presence>`))
	if bad.History != muc.AllHistory() || bad.Password != "" {
		t.Errorf("%+v", bad)
	}
	if muc.JoinOf(parse(t, `<presence xmlns='jabber:client'/>`)) != nil {
		t.Error("a join out of nothing")
	}
}

func TestDirectInvitation(t *testing.T) {
	want := &muc.Direct{Room: "r@c", Password: "p", Reason: "why", Continue: true, Thread: "t"}
	if got := muc.DirectOf(xmpp.NewMessage("", "a", "b").Add(want.Element())); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if muc.DirectOf(xmpp.NewMessage("", "a", "b").Add(muc.Direct{}.Element())) != nil {
		t.Error("an invitation to nowhere")
	}
}

func TestQueries(t *testing.T) {
	admin := muc.AdminQuery{Items: []muc.Item{{Nick: "pistol", Role: muc.None, Reason: "out"}, {JID: "a@b", Affiliation: muc.Outcast}}}
	if got := muc.AdminOf(xmpp.NewIQ("set", "", "", "").Add(admin.Element())); !reflect.DeepEqual(*got, admin) {
		t.Errorf("%+v", got)
	}
	owner := muc.OwnerQuery{Form: dataform.Submit(muc.NSRoomConfig, "a", "b"), Destroy: &muc.Destroy{JID: "x@y"}}
	if got := muc.OwnerOf(xmpp.NewIQ("set", "", "", "").Add(owner.Element())); !reflect.DeepEqual(*got, owner) {
		t.Errorf("%+v", got)
	}
	none := xmpp.NewIQ("get", "", "", "")
	if muc.AdminOf(none) != nil || muc.OwnerOf(none) != nil {
		t.Error("a query out of nothing")
	}
}

func TestSubject(t *testing.T) {
	for in, want := range map[string]bool{
		`<subject>s</subject>`: true, `<subject/>`: true, `<subject>s</subject><body>b</body>`: false, `<body>b</body>`: false, `<subject>s</subject><thread/>`: false,
	} {
		s, ok := muc.Subject(parse(t, `<message xmlns='jabber:client' type='groupchat'>`+in+`</message>`))
		if ok != want || ok && in != `<subject/>` && s != "s" {
			t.Errorf("%s: %q, %v", in, s, ok)
		}
	}
}

func TestJoinError(t *testing.T) {
	p := xmpp.NewPresence("", "a@b/c", "r@c/nick").Add(muc.Join{History: muc.AllHistory()}.Element())
	r := muc.JoinError(p, muc.ErrPassword, "wrong password")
	const want = `<presence xmlns='jabber:client' from='r@c/nick' to='a@b/c' type='error'><x xmlns='http://jabber.org/protocol/muc'/>` +
		`<error type='auth' by='r@c'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>wrong password</text></error></presence>`
	if r.String() != want {
		t.Errorf("got %s", r)
	}
	if r := muc.JoinError(p, muc.ErrFull, ""); r.Child(xmpp.NSClient, "error").Get("type") != "wait" {
		t.Errorf("full: %s", r)
	}
	if muc.JoinError(r, muc.ErrFull, "") != nil {
		t.Error("error for an error")
	}
}
