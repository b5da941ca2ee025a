// SPDX-License-Identifier: GPL-2.0-or-later

package pbnetwork_test

import (
	"reflect"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestFeaturesSurviveTheirText(t *testing.T) {
	for _, want := range []pbnetwork.Features{
		pbnetwork.DefaultFeatures(),
		{},
		{NeedPassword: true, ExtraFields: []string{"Server", "Port", "Server"}, Receipts: true, MUC: true},
		{RawXML: true, DisableJIDEscaping: true, SendBuddiesOnLogin: true},
	} {
		got, err := pbnetwork.ParseFeatures(want.Text())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v became %+v, %v", want, got, err)
		}
	}
}

func TestFeaturesOfTheExtensionStayInIt(t *testing.T) {
	name := "nick"
	field := []*pbnetwork.StepField{{Name: &name}}
	all := pbnetwork.Features{
		MUC: true, Authorization: true, Search: &pbnetwork.SearchForm{Field: field},
		Commands: []*pbnetwork.CommandSpec{{Name: &name, Field: field}},
	}
	for _, sent := range []bool{true, false} {
		for _, read := range []bool{true, false} {
			got, err := pbnetwork.FeaturesOf(all.Config(sent), read)
			want := all
			if !sent || !read {
				want = pbnetwork.Features{MUC: true}
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("sent %v, read %v: %+v, %v", sent, read, got, err)
			}
		}
	}
}

func TestParseFeatures(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       func(*pbnetwork.Features)
	}{
		{"nothing", "", func(*pbnetwork.Features) {}},
		{"what the C++ backends send", "[registration]\nneedPassword=0\nneedRegistration=false\n[features]\nmuc=1\nreceipts=true\n",
			func(f *pbnetwork.Features) {
				f.NeedPassword, f.NeedRegistration, f.MUC, f.Receipts = false, false, true, true
			}},
		{"another case, and spaces", "[Features]\nMUC = Yes\n", func(f *pbnetwork.Features) { f.MUC = true }},
		{"what is neither yes nor no", "[registration]\nneedPassword=perhaps\n", func(*pbnetwork.Features) {}},
		{"keys of a later version", "[features]\nteleport=1\n[limits]\ntext=80\n", func(*pbnetwork.Features) {}},
	} {
		want := pbnetwork.DefaultFeatures()
		c.want(&want)
		got, err := pbnetwork.ParseFeatures(c.text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, want)
		}
	}
}

// The INI package expands %(name)s in a value as often as it finds one.
func TestRegressionReferencesInFeaturesGrowWithoutEnd(t *testing.T) {
	text := "[registration]\nneedPassword=%(x)s\nx=%(x)s%(x)s\nextraField=%(x)s\n"
	f, err := pbnetwork.ParseFeatures(text)
	if err != nil || !f.NeedPassword || !reflect.DeepEqual(f.ExtraFields, []string{"%(x)s"}) {
		t.Errorf("%+v, %v", f, err)
	}
}

func FuzzParseFeatures(f *testing.F) {
	f.Add(pbnetwork.DefaultFeatures().Text())
	f.Add("[registration]\nextraField=a\nextraField=b\n[features]\nmuc=on")
	f.Add("[x")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := pbnetwork.ParseFeatures(text)
		if err != nil {
			return
		}
		again, err := pbnetwork.ParseFeatures(pbnetwork.Features{
			NeedPassword: got.NeedPassword, NeedRegistration: got.NeedRegistration,
			Receipts: got.Receipts, MUC: got.MUC, RawXML: got.RawXML,
			DisableJIDEscaping: got.DisableJIDEscaping, SendBuddiesOnLogin: got.SendBuddiesOnLogin,
		}.Text())
		again.ExtraFields = got.ExtraFields
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%q became %+v, then %+v, %v", text, got, again, err)
		}
		if strings.ContainsAny(strings.Join(got.ExtraFields, ""), "\n") {
			t.Fatalf("a field's name with a line break: %q", got.ExtraFields)
		}
	})
}
