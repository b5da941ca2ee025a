// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"regexp"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// identifyTimeout is how long the answer of NickServ is waited for before the
// user goes in without.
const identifyTimeout = 6 * time.Second

// What services answer; IRC has no code for it. Atheme, Anope and their kin.
var (
	wrongPassword = regexp.MustCompile(`(?i)(invalid|incorrect|wrong|bad) password|password (is )?(incorrect|invalid|wrong)|authentication failed|login failed`)
	deniedPass    = regexp.MustCompile(`(?i)password|access denied|unauthori[sz]ed`) // in the ERROR after a PASS
	noAccount     = regexp.MustCompile(`(?i)account does not exist|not (a )?registered|isn't registered|no such account`)
	rightPassword = regexp.MustCompile(`(?i)you are (now|already|successfully) (identified|logged in|recognized)|password accepted|identified successfully`)
)

// expand fills a template in.
func expand(template, name, password string) string {
	return strings.NewReplacer("$name", name, "$password", password).Replace(template)
}

// identify tells NickServ the password (service.irc_identify: the recipient
// and the text), unless SASL or PASS has done that already; then the login is
// complete.
func (l *link) identify() {
	if l.phase != entering || l.server.identifying {
		return
	}
	l.agenda.cancel(taskEnter)
	who, text, ok := strings.Cut(strings.TrimSpace(l.settings.identify), " ")
	if l.server.account != "" || l.id.password == "" || l.settings.sendPass || l.many || l.server.stranger || !ok {
		l.enter()
		return
	}
	l.server.identifying = true
	l.server.named = strings.Contains(text, "$name") && !strings.ContainsAny(l.id.password, " \t")
	l.agenda.set(taskIdentify, time.Now().Add(identifyTimeout))
	l.say(normal, "PRIVMSG", who, expand(text, l.id.nick, l.id.password))
}

// accountTimeout is how long the server's word is waited for after NickServ's.
const accountTimeout = 2 * time.Second

// identified ends the wait for NickServ.
func (l *link) identified() {
	if l.phase == entering {
		l.enter()
	}
}

// serviceMissing takes a refused message for NickServ's absence while the login
// waits for him: a network without services.
func (l *link) serviceMissing(target string) bool {
	if !l.server.identifying || l.phase != entering || !l.server.is(target, l.service()) {
		return false
	}
	l.log.Info("the network has no " + target + ", the nick is not identified")
	l.identified()
	return true
}

// service is whom the password is told.
func (l *link) service() string {
	who, _, _ := strings.Cut(strings.TrimSpace(l.settings.identify), " ")
	who, _, _ = strings.Cut(who, "@")
	return who
}

// serviceAnswered looks whether a notice is NickServ's answer. A refused
// password ends a first login; later the user is told, by the notice itself.
func (l *link) serviceAnswered(in *incoming) {
	if !l.server.identifying || !l.server.is(in.nick, l.service()) {
		return
	}
	switch text := plain(in.last()); {
	case rightPassword.MatchString(text):
		l.agenda.set(taskIdentify, time.Now().Add(accountTimeout))
	case noAccount.MatchString(text):
		l.identified()
	case wrongPassword.MatchString(text) && !l.welcomed:
		l.fatal(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, in.nick+" refused the password: "+text)
	case wrongPassword.MatchString(text):
		l.identified()
	}
}
