// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"fmt"
	"strings"
	"time"
)

// commandTable are the commands, in the order of the help text.
var commandTable = []chatCommand{
	{name: "status", help: "how the connection stands", run: (*link).cmdStatus},
	{name: "join", usage: "#channel [password]", help: "enter a channel; join its room with your client to see it", min: 1, room: true, run: (*link).cmdJoin},
	{name: "part", usage: "[#channel] [reason]", help: "leave a channel", min: 1, room: true, run: (*link).cmdPart},
	{name: "nick", usage: "NICK", help: "change your nick", min: 1, run: (*link).cmdNick},
	{name: "msg", usage: "NICK TEXT", help: "send a private message", min: 2, run: (*link).cmdMsg},
	{name: "whois", usage: "NICK", help: "who somebody is", min: 1, run: (*link).cmdWhois},
	{name: "list", usage: "[FILTER]", help: "the largest channels; a filter as the server's LIST knows it", run: (*link).cmdList},
	{name: "away", usage: "[TEXT]", help: "away with that text, or back without", run: (*link).cmdAway},
	{name: "mode", usage: "[#channel] [MODES]", help: "show or change a channel's modes", min: 1, room: true, run: (*link).cmdMode},
	{name: "topic", usage: "[#channel] TEXT", help: "set the topic", min: 2, room: true, run: (*link).cmdTopic},
	{name: "kick", usage: "[#channel] NICK [REASON]", help: "throw somebody out", min: 2, room: true, run: (*link).cmdKick},
	{name: "ban", usage: "[#channel] NICK|MASK", help: "keep somebody out", min: 2, room: true, run: (*link).cmdBan},
	{name: "invite", usage: "[#channel] NICK", help: "invite somebody", min: 2, room: true, run: (*link).cmdInvite},
	{name: "ctcp", usage: "NICK COMMAND [TEXT]", help: "ask a client (VERSION, PING, TIME)", min: 2, run: (*link).cmdCTCP},
	{name: "identify", usage: "[ACCOUNT] PASSWORD", help: "log in with NickServ", min: 1, run: (*link).cmdIdentify},
	{name: "raw", usage: "LINE", help: "send a line of the protocol", min: 1, run: (*link).cmdRaw},
	{name: "disconnect", help: "leave the network", run: (*link).cmdDisconnect},
	{name: "reconnect", help: "connect anew", run: (*link).cmdReconnect},
}

// sent answers for a command that the server answers only if it refuses it.
func (l *link) sent(reply func(text, err string), name string, params ...string) {
	switch {
	case l.phase != online:
		reply("", "Not connected to "+l.server.at.host)
	case !l.say(normal, name, params...):
		reply("", "That cannot be sent")
	default:
		reply("Sent", "")
	}
}

func (l *link) cmdJoin(args []string, reply func(text, err string)) {
	if r := l.rooms.find(args[0]); r != nil && r.inside {
		reply("You are in "+r.name, "")
		return
	}
	l.sent(reply, "JOIN", args[:min(len(args), 2)]...)
}

func (l *link) cmdPart(args []string, reply func(text, err string)) {
	r := l.rooms.find(args[0])
	if r == nil {
		reply("", "You are not in "+args[0])
		return
	}
	if r.joining || r.inside {
		l.say(normal, "PART", r.name, strings.Join(args[1:], " "))
	}
	if r.joined || r.stale != nil {
		p := gone(r.legacy, l.server.nick, strings.Join(args[1:], " "))
		p.Me = true
		l.user.Participant(p)
	}
	l.rooms.remove(r)
	reply("You have left "+r.name, "")
	l.endIfUnused()
}

func (l *link) cmdNick(args []string, reply func(text, err string)) {
	if args[0] == l.server.nick {
		l.id.nick = args[0]
		reply("You are "+args[0], "")
		return
	}
	reply("Asked for the nick "+args[0], "")
	l.changeNick(args[0], "")
}

func (l *link) cmdMsg(args []string, reply func(text, err string)) {
	l.sent(reply, "PRIVMSG", args[0], outText(strings.Join(args[1:], " ")))
}

func (l *link) cmdWhois(args []string, reply func(text, err string)) {
	l.whois(args[0], whoisTimeout, func(a *answer, err string) {
		if err == "" && len(a.lines) == 0 {
			err = "The network knows nothing of " + args[0]
		}
		reply(a.text(), err)
	})
}

func (l *link) cmdList(args []string, reply func(text, err string)) {
	l.list(strings.Join(args, ""), func(text string) { reply(text, "") })
}

func (l *link) cmdAway(args []string, reply func(text, err string)) {
	if text := strings.Join(args, " "); text != "" {
		l.isAway = true
		l.sent(reply, "AWAY", text)
		return
	}
	l.isAway = false
	l.sent(reply, "AWAY")
}

func (l *link) cmdMode(args []string, reply func(text, err string)) {
	if len(args) > 1 {
		l.sent(reply, "MODE", args...)
		return
	}
	l.ask(&answer{kind: answerMode, key: args[0], done: func(a *answer, err string) {
		reply("Modes of "+args[0]+": "+a.text(), err)
	}}, whoisTimeout, "MODE", args[0])
}

func (l *link) cmdTopic(args []string, reply func(text, err string)) {
	l.sent(reply, "TOPIC", args[0], strings.Join(args[1:], " "))
}

func (l *link) cmdKick(args []string, reply func(text, err string)) {
	l.sent(reply, "KICK", args[0], args[1], strings.Join(args[2:], " "))
}

// cmdBan bans a mask, or the host of somebody whose host is known.
func (l *link) cmdBan(args []string, reply func(text, err string)) {
	mask := args[1]
	if !strings.ContainsAny(mask, "!@*:$") {
		if r := l.rooms.find(args[0]); r != nil && r.occupant(mask) != nil {
			if _, host, ok := strings.Cut(r.occupant(mask).source, "@"); ok && host != "" {
				mask = "*!*@" + host
			}
		}
		if mask == args[1] {
			mask += "!*@*"
		}
	}
	l.sent(reply, "MODE", args[0], "+b", mask)
}

func (l *link) cmdInvite(args []string, reply func(text, err string)) {
	l.sent(reply, "INVITE", args[1], args[0])
}

func (l *link) cmdCTCP(args []string, reply func(text, err string)) {
	request := strings.TrimSpace(strings.ToUpper(args[1]) + " " + outText(strings.Join(args[2:], " ")))
	l.ask(&answer{kind: answerCTCP, key: args[0], done: func(a *answer, err string) {
		reply(a.text(), err)
	}}, whoisTimeout, "PRIVMSG", args[0], "\x01"+outText(request)+"\x01")
}

// cmdIdentify sends the password to whom service.irc_identify names.
func (l *link) cmdIdentify(args []string, reply func(text, err string)) {
	who, _, _ := strings.Cut(strings.TrimSpace(l.settings.identify), " ")
	if who == "" {
		who = "NickServ"
	}
	l.sent(reply, "PRIVMSG", who, "IDENTIFY "+strings.Join(args, " "))
}

func (l *link) cmdRaw(args []string, reply func(text, err string)) {
	if l.phase < entering || !l.raw(strings.Join(args, " ")) {
		reply("", "Not connected to "+l.server.at.host)
		return
	}
	reply("Sent", "")
}

func (l *link) cmdDisconnect(_ []string, reply func(text, err string)) {
	reply("Disconnected from "+l.server.at.host, "")
	l.hangUp([]byte("QUIT :Leaving\r\n"))
	l.leaveAll("Disconnected")
	l.agenda.cancel(taskDial)
	if l.many {
		l.over = true
		return
	}
	l.stopDial()
	l.phase, l.wantDial = parked, false
}

func (l *link) cmdReconnect(_ []string, reply func(text, err string)) {
	l.reconnect()
	reply("Connecting to "+l.server.at.host, "")
}

// reconnect leaves and comes back at once, with all rooms.
func (l *link) reconnect() {
	if l.phase == dialing {
		return
	}
	l.hangUp([]byte("QUIT :Reconnecting\r\n"))
	for _, r := range l.rooms.all() {
		r.lost()
	}
	l.agenda.cancel(taskDial)
	l.attempts, l.phase, l.wantDial = 0, waiting, true
}

func (l *link) cmdStatus(_ []string, reply func(text, err string)) {
	s := l.server
	switch l.phase {
	case parked:
		reply("Not connected to "+s.at.host+"; reconnect connects", "")
	case waiting:
		wait := time.Until(l.agenda[taskDial]).Round(time.Second)
		reply(fmt.Sprintf("Not connected to %s; next try in %s", s.at.host, max(0, wait)), "")
	case dialing, registering, entering:
		reply("Connecting to "+s.at.host, "")
	default:
		reply(l.statusLine(), "")
	}
}

func (l *link) statusLine() string {
	s := l.server
	security := "without TLS"
	if s.tls != "" {
		security = s.tls
	}
	account := "not logged in to an account"
	if s.account != "" {
		account = "logged in as " + s.account
	}
	text := fmt.Sprintf("Connected to %s as %s for %s, %s, %s, %d rooms", s.at.host, s.nick,
		time.Since(s.since).Round(time.Second), security, account, l.rooms.wanted())
	if s.lag > 0 {
		text += fmt.Sprintf(", lag %s", s.lag.Round(time.Millisecond))
	}
	return text
}
