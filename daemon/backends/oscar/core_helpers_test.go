// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/backends/oscar"
	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// password is every account's.
const password = "secret1"

// serverWith starts a real server with these accounts.
func serverWith(t *testing.T, names ...string) *oscartest.Server {
	t.Helper()
	accounts := make(map[string]string, len(names))
	for _, n := range names {
		accounts[n] = password
	}
	return oscartest.Start(t, oscartest.Options{Accounts: accounts})
}

// configFor is a configuration for the server; each user has an address of his
// own, for the server takes few logins from one. more are further settings.
func configFor(s *oscartest.Server, more map[string]string) *config.Config {
	section := map[string][]string{
		"host": {oscartest.Host}, "port": {strconv.Itoa(s.Port)}, "bind": {"127.1.0.0/16"},
	}
	for k, v := range more {
		section[k] = []string{v}
	}
	return &config.Config{Service: config.Service{EnableXHTML: true}, Sections: map[string]map[string][]string{"oscar": section}}
}

// startWith runs the backend with a configuration.
func startWith(t *testing.T, c *config.Config, level int) *backendtest.Main {
	t.Helper()
	n, err := oscar.New(backend.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	return backendtest.Start(t, n, backendtest.Options{Level: level, Config: c})
}

// startOn runs the backend for the server, with the extension.
func startOn(t *testing.T, s *oscartest.Server) *backendtest.Main {
	t.Helper()
	return startWith(t, configFor(s, nil), 1)
}

// jidOf is the XMPP user who has that name on the network.
func jidOf(name string) string { return "u" + name + "@xmpp.example" }

// loginAs logs a user in and waits for his contact list.
func loginAs(t *testing.T, m *backendtest.Main, name string) string {
	t.Helper()
	jid := jidOf(name)
	m.MustLogin(jid, name, password)
	listOf(m, jid)
	return jid
}

// listOf waits for a user's contact list.
func listOf(m *backendtest.Main, jid string) []*pbnetwork.Buddy {
	b := backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_BUDDIES, func(b *pbnetwork.Buddies) bool {
		return b.GetUser() == jid || len(b.GetBuddy()) > 0 && b.GetBuddy()[0].GetUserName() == jid
	})
	return b.GetBuddy()
}

// edit adds or changes a contact as the main process does.
func edit(m *backendtest.Main, jid, name, alias string, groups ...string) {
	m.Send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, &pbnetwork.Buddy{
		UserName: &jid, BuddyName: &name, Alias: proto.String(alias), Group: groups,
	})
}

// contactOf waits for a contact about whom match holds.
func contactOf(m *backendtest.Main, jid, name string, match func(*pbnetwork.Buddy) bool) *pbnetwork.Buddy {
	return backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, func(b *pbnetwork.Buddy) bool {
		return b.GetUserName() == jid && b.GetBuddyName() == name && match(b)
	})
}

// there matches a contact with that status.
func there(want pbnetwork.StatusType) func(*pbnetwork.Buddy) bool {
	return func(b *pbnetwork.Buddy) bool { return b.Status != nil && b.GetStatus() == want }
}

// setStatus shows a status as the main process does.
func setStatus(m *backendtest.Main, jid string, status pbnetwork.StatusType, text string) {
	m.Send(pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED, &pbnetwork.Status{
		UserName: &jid, Status: status.Enum(), StatusMessage: proto.String(text),
	})
}

// befriend has one user add the other, who agrees.
func befriend(m *backendtest.Main, jid, name, otherJID, other string) {
	edit(m, jid, other, "")
	backendtest.Get(m, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, func(b *pbnetwork.Buddy) bool {
		return b.GetUserName() == otherJID && b.GetBuddyName() == name
	})
	answer(m, otherJID, name, true, "")
	contactOf(m, jid, other, there(pbnetwork.StatusType_STATUS_ONLINE))
}

// answer is a user's answer to a contact who asked to see him.
func answer(m *backendtest.Main, jid, name string, grant bool, text string) {
	a := pbnetwork.Authorization_AUTHORIZATION_DENIED
	if grant {
		a = pbnetwork.Authorization_AUTHORIZATION_GRANTED
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, &pbnetwork.Buddy{
		UserName: &jid, BuddyName: &name, Authorization: &a, AuthText: &text,
	})
}

// logged is a log's text.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
