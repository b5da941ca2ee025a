// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// version is what CTCP VERSION answers: no more than which software it is.
const version = "Spectrum 2 IRC gateway"

// splitCTCP takes "\x01COMMAND text\x01" apart.
func splitCTCP(text string) (command, rest string, ok bool) {
	body, ok := strings.CutPrefix(text, "\x01")
	if !ok {
		return "", "", false
	}
	body = strings.TrimSuffix(body, "\x01")
	command, rest, _ = strings.Cut(body, " ")
	return strings.ToUpper(command), rest, command != ""
}

// ctcpAction gives "/me text" for an ACTION.
func ctcpAction(text string) (string, bool) {
	command, rest, ok := splitCTCP(text)
	if !ok || command != "ACTION" {
		return "", false
	}
	return "/me " + rest, true
}

// ctcpCame takes a CTCP message: an ACTION gives the text to show; requests
// are answered, and answers shown to the user who asked.
func (l *link) ctcpCame(in *incoming, target string, notice bool) (text string, show bool) {
	if action, ok := ctcpAction(in.param(1)); ok {
		return action, true
	}
	command, rest, ok := splitCTCP(in.param(1))
	if !ok {
		return "", false
	}
	if notice {
		if !l.answers.finishWith(answerCTCP, in.nick, command+": "+plain(rest), l.server) {
			l.tell(in.nick + " answers CTCP " + command + ": " + rest)
		}
		return "", false
	}
	if reply, ok := ctcpReply(command, rest, time.Now()); ok {
		l.answerCTCP(in.nick, command, reply)
		return "", false
	}
	if !l.server.isChannel(target) {
		l.user.Message(backend.Incoming{From: l.name(in.nick), Headline: true, Text: plain("sent a CTCP " + command + " request, which is not supported")})
	}
	return "", false
}

// ctcpReply is the answer to a request.
func ctcpReply(command, rest string, now time.Time) (string, bool) {
	switch command {
	case "VERSION":
		return version, true
	case "PING":
		return rest, true
	case "TIME":
		return now.UTC().Format(time.RFC1123Z), true
	case "CLIENTINFO":
		return "ACTION CLIENTINFO PING TIME VERSION", true
	}
	return "", false
}

// answerCTCP answers one request in five seconds, with a few at once: a flood
// of them must not become one of ours.
func (l *link) answerCTCP(nick, command, reply string) {
	now := time.Now()
	if l.ctcp.wait(now) > 0 {
		return
	}
	l.ctcp.spend(now, 0, false)
	if reply = plain(reply); len(reply) > 200 {
		reply = reply[:boundary(reply, 200)]
	}
	l.say(background, "NOTICE", nick, "\x01"+strings.TrimRight(command+" "+reply, " ")+"\x01")
}
