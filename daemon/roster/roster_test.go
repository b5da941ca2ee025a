// SPDX-License-Identifier: GPL-2.0-or-later

package roster_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/roster"
)

func contact(t *rapid.T) roster.Contact {
	return roster.Contact{
		Name:         rapid.StringMatching("[a-e]").Draw(t, "name"),
		Alias:        rapid.SampledFrom([]string{"", "Juliet", "Nurse"}).Draw(t, "alias"),
		Groups:       roster.Groups(rapid.SliceOfN(rapid.SampledFrom([]string{"A", "B", " B", ""}), 0, 3).Draw(t, "groups")),
		Subscription: rapid.SampledFrom([]roster.Subscription{roster.Ask, roster.Both, roster.None}).Draw(t, "subscription"),
		IconHash:     rapid.SampledFrom([]string{"", "abc"}).Draw(t, "hash"),
		Blocked:      rapid.Bool().Draw(t, "blocked"),
	}
}

func list(t *rapid.T, label string) []roster.Contact {
	return rapid.SliceOfNDistinct(rapid.Custom(contact), 0, 5, func(c roster.Contact) string { return c.Name }).Draw(t, label)
}

func TestApplyingTheDifferenceGivesTheOtherList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := list(t, "have"), list(t, "want")
		changes := roster.Diff(have, want)
		got := roster.Apply(have, changes)
		if !slices.EqualFunc(got, roster.Apply(want, nil), roster.Contact.Equal) {
			t.Fatalf("%v with %v is %v, want %v", have, changes, got, want)
		}
		if again := roster.Diff(got, want); len(again) != 0 {
			t.Fatalf("still different: %v", again)
		}
		if len(changes) > len(have)+len(want) {
			t.Fatalf("%d changes", len(changes))
		}
	})
}

func TestDiffNamesEachContactOnceRemovalsFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen, adding := map[string]bool{}, false
		for _, c := range roster.Diff(list(t, "have"), list(t, "want")) {
			if seen[c.Contact.Name] {
				t.Fatalf("%s twice", c.Contact.Name)
			}
			seen[c.Contact.Name] = true
			if c.Kind != roster.Remove {
				adding = true
			} else if adding {
				t.Fatal("a removal after an addition")
			}
		}
	})
}

func TestMergeKeepsWhatIsNotSaid(t *testing.T) {
	hash, yes, asked := "new", true, roster.Asked
	c := roster.Contact{Name: "juliet", Alias: "Juliet", Groups: []string{"Capulet"}, IconHash: "old"}
	cases := map[string]struct {
		u    roster.Update
		want roster.Contact
	}{
		"nothing": {roster.Update{}, c},
		"alias":   {roster.Update{Alias: "Jule"}, roster.Contact{Name: "juliet", Alias: "Jule", Groups: []string{"Capulet"}, IconHash: "old"}},
		"groups":  {roster.Update{Groups: []string{"b\nc", " a ", "a"}}, roster.Contact{Name: "juliet", Alias: "Juliet", Groups: []string{"a", "b c"}, IconHash: "old"}},
		"picture": {roster.Update{IconHash: &hash, Blocked: &yes}, roster.Contact{Name: "juliet", Alias: "Juliet", Groups: []string{"Capulet"}, IconHash: "new", Blocked: true}},
		"answer":  {roster.Update{Auth: &asked}, roster.Contact{Name: "juliet", Alias: "Juliet", Groups: []string{"Capulet"}, IconHash: "old", Auth: roster.Asked}},
	}
	for name, x := range cases {
		if got := c.Merge(x.u); !got.Equal(x.want) {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
	}
}

func TestStoredSubscriptions(t *testing.T) {
	for in, want := range map[string]roster.Subscription{"both": roster.Both, "ask": roster.Ask, "": roster.Ask, "odd": roster.Ask, "none": roster.None} {
		if got := roster.Known(in); got != want {
			t.Errorf("Known(%q) = %q", in, got)
		}
	}
}
