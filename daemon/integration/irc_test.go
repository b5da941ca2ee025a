// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// startIRC runs an instance of the IRC backend; server is "" for many networks,
// of which those on this machine have to be named.
func startIRC(t *testing.T, w *world, server string, named ...string) *process {
	dir := t.TempDir()
	text := strings.Replace(configOf(dir, w.server.addr, ""), "spectrum2_template_backend", "spectrum2_irc_backend", 1)
	if server != "" {
		text = strings.Replace(text, "[logging]", "irc_server = "+server+"\n[logging]", 1)
	}
	if len(named) > 0 {
		text += "[irc]\nnetwork = " + strings.Join(named, "\nnetwork = ") + "\n"
	}
	p := startFile(t, dir, text)
	p.expectLog("ready")
	return p
}

func TestIRCServerAwayAndBack(t *testing.T) {
	irc := irctest.StartNgircd(t, irctest.Options{})
	irc.Stop()
	w := newWorld(t)
	p := startIRC(t, w, irc.Addr())
	romeo := w.user("romeo")
	romeo.register("romeo_m", "")
	mark := romeo.mark()
	romeo.send(xmpp.NewPresence("", "", transport))
	romeo.expect(mark, "word that the network is away", func(st *xmpp.Element) bool {
		status := strings.ToLower(st.ChildText(xmpp.NSClient, "status"))
		return st.Name == "presence" && st.Get("from") == transport && (strings.Contains(status, "connect") || strings.Contains(status, "reach"))
	})
	mark = romeo.mark()
	romeo.say("juliet@"+transport, "chat", "is it on?")
	e := romeo.expect(mark, "his message back", func(st *xmpp.Element) bool { return st.Name == "message" && st.Get("type") == "error" })
	if _, text := xmpp.ErrorOf(e); text == "" {
		t.Errorf("the error says nothing: %s", e)
	}
	if st, err := p.control.Status(t.Context()); err != nil || !strings.Contains(st.Text, "0 users online") {
		t.Errorf("status: %+v, %v", st, err)
	}
	mark = romeo.mark()
	irc.Start()
	romeo.expect(mark, "the transport online", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
	other := irctest.Dial(t, irc.Addr(), "juliet")
	romeo.say("juliet@"+transport, "chat", "Lady!")
	other.Expect("PRIVMSG", "Lady!")
}

func TestManyNetworksNeedNoRegistration(t *testing.T) {
	first, second := irctest.StartNgircd(t, irctest.Options{}), irctest.StartNgircd(t, irctest.Options{})
	w := newWorld(t)
	p := startIRC(t, w, "", first.Addr(), second.Addr())
	romeo := w.user("romeo")
	for _, irc := range []*irctest.Server{first, second} {
		host := strings.Replace(irc.Addr(), ":", `\3a`, 1)
		other := irctest.Dial(t, irc.Addr(), "juliet")
		other.Join("#verona")
		romeo.join(`#verona\40`+host, "romeo_m")
		mark := romeo.mark()
		other.Say("#verona", "Romeo?")
		romeo.expect(mark, "Juliet in the room", func(st *xmpp.Element) bool {
			return xmpp.Body(st) == "Romeo?" && strings.HasSuffix(st.Get("from"), "/juliet")
		})
		other.Close()
	}
	if users, err := p.control.Users(t.Context()); err != nil || len(users) != 1 || users[0].Rooms != 2 {
		t.Errorf("users: %+v, %v", users, err)
	}
}
