// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp/search"
)

func withDirectory(w *world) {
	w.net.features.Search = &pbnetwork.SearchForm{
		Instructions: proto.String("Who?"),
		Field:        []*pbnetwork.StepField{{Name: proto.String("nick"), Label: proto.String("Nickname")}, {Name: proto.String("uin")}},
	}
	w.net.found = &pbnetwork.SearchResult{
		Column: []*pbnetwork.SearchColumn{{Name: proto.String("nick"), Label: proto.String("Nickname")}, {Name: proto.String("age")}},
		Row: []*pbnetwork.SearchRow{
			{Contact: proto.String("juliet@capulet"), Value: []string{"Juliet"}},
			{Contact: proto.String("")},
			{Contact: proto.String("1000"), Value: []string{"Nurse", "60", "too much"}},
		},
		More: proto.Bool(true),
	}
}

func TestDirectorySearch(t *testing.T) {
	ctx := context.Background()
	inWorld(t, withDirectory, func(w *world) {
		w.online("a")
		form, ok := w.s.SearchForm()
		want := search.Form{Instructions: "Who?", Fields: []search.Field{{Name: "nick", Label: "Nickname"}, {Name: "uin"}}}
		if !ok || !reflect.DeepEqual(form, want) {
			t.Errorf("form %+v, %v", form, ok)
		}
		got, err := w.s.Search(ctx, map[string]string{"nick": "j", "uin": "", "unheard": "x"})
		if err != nil {
			t.Fatal(err)
		}
		found := search.Result{
			Columns: []search.Column{{Name: "nick", Label: "Nickname"}, {Name: "age"}},
			Rows: []search.Row{
				{JID: `juliet\40capulet@gw.example`, Values: []string{"Juliet", ""}},
				{JID: "1000@gw.example", Values: []string{"Nurse", "60"}},
			},
			More: true,
		}
		if !reflect.DeepEqual(got, found) {
			t.Errorf("found %+v", got)
		}
		w.netSees("SEARCH")
	})
}

func TestSearchesThatCannotBeMade(t *testing.T) {
	ctx := context.Background()
	refused := func(t *testing.T, w *world, fields map[string]string, condition string) {
		t.Helper()
		_, err := w.s.Search(ctx, fields)
		var e *search.Error
		if !errors.As(err, &e) || e.Condition != condition || e.Text == "" {
			t.Errorf("%v: %v, want %s", fields, err, condition)
		}
	}
	some := map[string]string{"nick": "j"}
	inWorld(t, nil, func(w *world) {
		w.online("a")
		if _, ok := w.s.SearchForm(); ok {
			t.Error("a form without a directory")
		}
		refused(t, w, some, "feature-not-implemented")
	})
	inWorld(t, withDirectory, func(w *world) {
		w.online("a")
		refused(t, w, map[string]string{"unheard": "x"}, "not-acceptable")
		w.net.set(func(n *network) {
			n.found = &pbnetwork.SearchResult{Failed: proto.Bool(true), Reason: proto.String("Too broad.")}
		})
		if _, err := w.s.Search(ctx, some); err == nil || err.Error() != "Too broad." {
			t.Errorf("refused by the network: %v", err)
		}
		refused(t, w, map[string]string{"nick": "hang"}, "remote-server-timeout") // after its time
		late := make(chan error, 1)
		go func() {
			_, err := w.s.Search(ctx, map[string]string{"nick": "hang"})
			late <- err
		}()
		synctest.Wait()
		w.net.set(func(n *network) { n.away = true })
		w.backend((*link).crash)
		if err := <-late; !errors.Is(err, session.ErrOffline) {
			t.Errorf("backend lost: %v", err)
		}
		refused(t, w, some, "not-authorized")
		w.wait(time.Minute)
	})
}

func TestVCardTellsWhatTheNetworkKnows(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post("<iq type='get' id='q' from='" + romeo + "/a' to='mute@gw.example'><vCard xmlns='vcard-temp'/></iq>")
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{
				UserName: proto.String(romeo), BuddyName: proto.String("mute"), Id: proto.Int32(1),
				Given: proto.String("Juliet"), Email: proto.String("j@capulet"), Mobile: proto.String("1"), City: proto.String("Verona"),
				Gender: proto.String("female"), Description: proto.String("wherefore"), Organisation: proto.String("Capulet"),
			})
		})
		const want = `<vCard xmlns='vcard-temp'><N><GIVEN>Juliet</GIVEN></N><EMAIL><INTERNET/><USERID>j@capulet</USERID></EMAIL>` +
			`<TEL><CELL/><NUMBER>1</NUMBER></TEL><ADR><HOME/><LOCALITY>Verona</LOCALITY></ADR><ORG><ORGNAME>Capulet</ORGNAME></ORG>` +
			"<DESC>Gender: female\nwherefore</DESC></vCard>"
		if got := w.front.take()[0].First().String(); got != want {
			t.Errorf("card\n%s\nwant\n%s", got, want)
		}
	})
}

func TestCommandForms(t *testing.T) {
	spec := &pbnetwork.CommandSpec{Name: proto.String("info"), Field: []*pbnetwork.StepField{
		{Name: proto.String("old"), Label: proto.String("Old password"), Secret: proto.Bool(true), Required: proto.Bool(true)},
		{Name: proto.String("gender"), Option: []string{"female", "male"}},
		{Name: proto.String("city")},
	}}
	if f := session.CommandFields(spec); len(f) != 3 || !f[0].Secret || !f[0].Required || len(f[1].Options) != 2 {
		t.Errorf("fields %+v", f)
	}
	args, err := session.CommandArguments(spec, map[string]string{"old": "x", "city": "Verona", "unheard": "y"})
	if err != nil || !reflect.DeepEqual(args, []string{"x", "", "Verona"}) {
		t.Errorf("arguments %q, %v", args, err)
	}
	for want, values := range map[string]map[string]string{
		"Old password is needed":                             {"city": "Verona"},
		"gender cannot be that; choose one of those offered": {"old": "x", "gender": "cat"},
	} {
		if _, err := session.CommandArguments(spec, values); err == nil || err.Error() != want {
			t.Errorf("%v: %v", values, err)
		}
	}
}
