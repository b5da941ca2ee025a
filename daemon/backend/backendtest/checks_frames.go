// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func checkUnknownUser(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	h.login(m, 0)
	const stranger = "stranger@xmpp.example"
	id := m.Message(stranger, "somebody", "hello")
	m.Join(stranger, "somewhere", "nick", "")
	m.Logout(stranger, "nobody")
	m.Barrier()
	if o.Level > 0 {
		if r := m.Result(id); r.GetOutcome() != pbnetwork.MessageResult_FAILED || r.GetReason() == "" {
			t.Errorf("a message of a user who is not logged in: %v", r)
		}
	}
	for _, f := range m.Waiting() {
		if f.UserOf() == stranger {
			t.Errorf("unexpected %s: %v", f.Type, f.Message)
		}
	}
}

func checkUnknownType(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	user := h.login(m, 0)
	m.SendFrame(pbnetwork.Frame{Type: 35000, Raw: []byte("from a later version")})
	m.SendFrame(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_FT_START, Raw: []byte("dead")})
	m.Barrier()
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_DISCONNECTED, user)
}

func checkDuplicate(t *testing.T, h Harness, o Options) {
	if o.Level == 0 || h.Contact == "" {
		t.Skip("version 1 has no numbers")
	}
	m := h.Start(t, o)
	user := h.login(m, 0)
	id := m.Message(user, h.Contact, "once")
	m.Result(id)
	text := "once"
	m.SendFrame(pbnetwork.Frame{
		Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Seq: m.seq,
		Message: &pbnetwork.ConversationMessage{UserName: &user, BuddyName: &h.Contact, Message: &text, MessageId: &id},
	})
	m.Result(m.Message(user, h.Contact, "twice"))
	m.noneFor(t, pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, user)
}

func checkAcknowledged(t *testing.T, h Harness, o Options) {
	if o.Level == 0 {
		t.Skip("version 1 has no numbers")
	}
	m := h.Start(t, o)
	h.login(m, 0)
	for range 100 { // that nothing answers, which could carry the acknowledgement
		m.SendFrame(pbnetwork.Frame{Type: 35000, Raw: []byte("from a later version")})
	}
	m.Barrier()
	if acked := m.Acknowledged(); acked < 101-64 {
		t.Errorf("of 101 frames %d are acknowledged; at most 64 may wait", acked)
	}
	deadline := time.After(3 * time.Second)
	for m.Acknowledged() < 101 {
		select {
		case <-m.news:
		case <-deadline:
			t.Fatalf("of 101 frames %d are acknowledged after 3 s", m.Acknowledged())
		}
	}
}

func checkVCard(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	user := h.login(m, 0)
	for n, name := range []string{h.Contact, "nobody knows him"} {
		id := int32(100 + n)
		m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, &pbnetwork.VCard{UserName: &user, BuddyName: &name, Id: &id})
		v := Get[*pbnetwork.VCard](m, pbnetwork.WrapperMessage_TYPE_VCARD)
		if v.GetId() != id || v.GetBuddyName() != name || v.GetUserName() != user {
			t.Errorf("the request %d for %q is answered by %v", id, name, v)
		}
	}
}

func checkCommand(t *testing.T, h Harness, o Options) {
	if o.Level == 0 {
		t.Skip("version 1 has no commands")
	}
	m := h.Start(t, o)
	r := m.Command(h.login(m, 0), "", "no-such-command-of-any-network")
	if !r.GetFailed() || r.GetText() == "" {
		t.Errorf("an unknown command is answered by %v", r)
	}
}

// checkSearch: whoever searches hears something, also of a network without a
// directory.
func checkSearch(t *testing.T, h Harness, o Options) {
	if o.Level == 0 {
		t.Skip("version 1 has no search")
	}
	m := h.Start(t, o)
	r := m.Search(h.login(m, 0), map[string]string{"nick": "nobody is called so"})
	if r.GetFailed() && r.GetReason() == "" {
		t.Errorf("a search failed without a reason: %v", r)
	}
	for _, row := range r.GetRow() {
		if row.GetContact() == "" || len(row.GetValue()) > len(r.GetColumn()) {
			t.Errorf("somebody without a name, or with values beyond the columns: %v", row)
		}
	}
}

// checkAnnounced: forms need names for their fields, each once.
func checkAnnounced(t *testing.T, h Harness, o Options) {
	m := h.Start(t, o)
	c := Get(m, pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG, func(*pbnetwork.BackendConfig) bool { return true })
	f, err := pbnetwork.FeaturesOf(c, o.Level > 0)
	if err != nil {
		t.Fatal(err)
	}
	checkFields(t, "the search form", f.Search.GetField())
	seen := make(map[string]bool)
	for _, spec := range f.Commands {
		if spec.GetName() == "" || seen[spec.GetName()] {
			t.Errorf("a command without a name of its own: %v", spec)
		}
		seen[spec.GetName()] = true
		checkFields(t, "the form of "+spec.GetName(), spec.GetField())
	}
}

func checkFields(t *testing.T, where string, fields []*pbnetwork.StepField) {
	t.Helper()
	seen := make(map[string]bool)
	for _, f := range fields {
		if f.GetName() == "" || seen[f.GetName()] {
			t.Errorf("%s has a field without a name of its own: %v", where, f)
		}
		seen[f.GetName()] = true
	}
}
