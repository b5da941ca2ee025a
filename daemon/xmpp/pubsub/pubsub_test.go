// SPDX-License-Identifier: GPL-2.0-or-later

package pubsub_test

import (
	"errors"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

func parse(t *testing.T, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestConfigurationIsFilledIn: a form that comes back as it was changes
// nothing, and each option can be changed.
func TestConfigurationIsFilledIn(t *testing.T) {
	c := pubsub.Default()
	f := dataform.Parse(parse(t, c.Form().Element().String()))
	f.Type = dataform.TypeSubmit
	if got, err := c.With(f, 1000); err != nil || got != c {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, value := range map[string]string{
		"title": "T", "type": "urn:t", "access_model": "open", "max_items": "max", "persist_items": "0",
		"send_last_published_item": "never", "notify_retract": "false", "notify_delete": "0", "deliver_payloads": "false",
	} {
		got, err := c.With(dataform.Submit(pubsub.NSNodeConfig, "pubsub#"+name, value), 1000)
		if err != nil || got == c {
			t.Errorf("%s as %s: %+v, %v", name, value, got, err)
		}
	}
	if got, _ := c.With(dataform.Submit("", "pubsub#max_items", "max"), 1000); got.MaxItems != 1000 {
		t.Errorf("max is %d", got.MaxItems)
	}
}

func TestConfigurationThatCannotBe(t *testing.T) {
	for name, value := range map[string]string{"access_model": "x", "max_items": "0", "persist_items": "", "send_last_published_item": "x", "notify_delete": "2"} {
		if _, err := pubsub.Default().With(dataform.Submit("", "pubsub#"+name, value), 1000); !errors.Is(err, pubsub.ErrValue) {
			t.Errorf("%s as %q: %v", name, value, err)
		}
	}
	if _, err := pubsub.Default().With(dataform.Submit("", "pubsub#max_items", "1001"), 1000); !errors.Is(err, pubsub.ErrValue) {
		t.Errorf("too many items: %v", err)
	}
	if got, err := pubsub.Default().With(dataform.Submit("", "pubsub#unknown", "x", "access_model", "y"), 1); err != nil || got != pubsub.Default() {
		t.Errorf("unknown options: %+v, %v", got, err)
	}
}

func TestItems(t *testing.T) {
	items, extra := pubsub.ItemsOf(parse(t, "<items xmlns='http://jabber.org/protocol/pubsub'><item id='1'><a xmlns='urn:a'/></item><item><a xmlns='urn:a'/><b xmlns='urn:a'/></item><other/></items>"))
	if len(items) != 2 || items[0].ID != "1" || items[0].Payload == nil || items[1].ID != "" || extra != 1 {
		t.Errorf("%+v, %d", items, extra)
	}
	want := "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='1'><a xmlns='urn:a'/></item></items></event>"
	if got := pubsub.Published("n", items[0]).String(); got != want {
		t.Error(got)
	}
	want = "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><retract id='1'/><retract id='2'/></items></event>"
	if got := pubsub.Retracted("n", "1", "2").String(); got != want {
		t.Error(got)
	}
}
