// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// handlers are what each command and numeric of the server does. Any line may
// come at any time with any parameters: a handler uses in.param, which never
// fails, and takes nothing for given.
var handlers map[string]func(*link, *incoming)

func init() { // an initialization loop otherwise: handlers lead to the loop
	handlers = map[string]func(*link, *incoming){
		"PING": (*link).onPing, "PONG": (*link).onPong, "ERROR": (*link).onError,
		"CAP": (*link).onCap, "AUTHENTICATE": (*link).onAuthenticate, "BATCH": (*link).onBatch, "ACK": (*link).onAck,
		"900": (*link).onLoggedIn, "903": (*link).onSASLDone, "902": (*link).onSASLFailed, "904": (*link).onSASLFailed,
		"905": (*link).onSASLFailed, "906": (*link).onSASLFailed, "907": (*link).onSASLDone,
		"ACCOUNT": (*link).onAccount, "464": (*link).onBadPassword, "465": (*link).onBannedFromServer,
		"001": (*link).onWelcome, "005": (*link).onISupport, "254": (*link).onChannels,
		"376": (*link).onEndOfMOTD, "422": (*link).onEndOfMOTD, "396": (*link).onHostHidden,
		"NICK": (*link).onNick, "432": (*link).onBadNick, "433": (*link).onNickInUse, "436": (*link).onNickInUse,
		"437": (*link).onUnavailable, "438": (*link).onNickRefused, "447": (*link).onNickRefused,

		"JOIN": (*link).onJoin, "PART": (*link).onPart, "QUIT": (*link).onQuit, "KICK": (*link).onKick,
		"353": (*link).onNames, "366": (*link).onEndOfNames, "MODE": (*link).onMode, "324": (*link).onChannelModes,
		"TOPIC": (*link).onTopic, "331": (*link).onNoTopic, "332": (*link).onTopicIs, "333": (*link).onTopicBy,
		"INVITE": (*link).onInvite, "CHGHOST": (*link).onChangeHost, "SETNAME": (*link).onSetName,
		"470": (*link).onForwarded,

		"PRIVMSG": (*link).onMessage, "NOTICE": (*link).onMessage, "FAIL": (*link).onFail,
		"AWAY": (*link).onAway, "301": (*link).onAwayText, "352": (*link).onWho, "354": (*link).onWhoX,
		"303": (*link).onISON, "730": (*link).onMonitorOnline, "731": (*link).onMonitorOffline, "734": (*link).onMonitorFull,
		"322": (*link).onListed, "323": (*link).onEndOfList,
	}
	for numeric := range joinErrors {
		handlers[numeric] = (*link).onJoinError
	}
	for _, numeric := range sendErrors {
		if handlers[numeric] == nil {
			handlers[numeric] = (*link).onSendError
		}
	}
	for _, numeric := range whoisNumerics {
		handlers[numeric] = (*link).onWhois
	}
}

// received takes one line, or the end of the lines.
func (l *link) received(raw []byte, ok bool) {
	if !ok {
		<-l.wire.failed
		l.lost(l.wire.err)
		return
	}
	now := time.Now()
	l.server.heard, l.server.pinged = now, time.Time{}
	in, err := parse(raw, l.settings.charset)
	if err != nil {
		l.log.Debug("skip an unreadable line", "err", err)
		return
	}
	l.log.Debug("line from the network", "command", in.command, "params", len(in.params))
	l.handle(in)
}

func (l *link) handle(in *incoming) {
	if f := handlers[in.command]; f != nil {
		f(l, in)
		return
	}
	if n := in.command; len(n) == 3 && (n[0] == '4' || n[0] == '5') {
		l.onOtherError(in)
	}
}

func (l *link) onPing(in *incoming) { l.say(urgent, "PONG", in.params...) }

func (l *link) onPong(in *incoming) {
	now := time.Now()
	if f := &l.server.fence; f.token != "" && in.last() == f.token {
		l.server.lag = now.Sub(f.at)
		upTo := f.upTo
		f.token = ""
		l.confirmUpTo(upTo)
		if len(l.unconfirmed) > 0 && l.fencing() {
			l.agenda.earlier(taskFence, now)
		}
	}
}

// onError is the server's farewell; the end of the connection follows.
func (l *link) onError(in *incoming) {
	l.server.farewell = plain(in.last())
	low := strings.ToLower(in.last())
	if strings.Contains(low, "throttle") || strings.Contains(low, "too fast") {
		l.attempts = max(l.attempts, 4) // it means a minute, not seconds
	}
}

// onOtherError tells the user what nobody else has taken for his own; what is
// about a room he is in, such as a topic that he may not set, in that room.
func (l *link) onOtherError(in *incoming) {
	if l.phase < entering || len(in.params) < 2 || in.command == "421" && in.param(1) == "CAP" {
		return
	}
	text := in.last()
	if middle := in.params[1 : len(in.params)-1]; len(middle) > 0 {
		text = strings.Join(middle, " ") + ": " + text
	}
	if l.answers.failed(in, l.server) {
		return
	}
	if r := l.rooms.find(in.param(1)); r != nil && r.joined {
		l.user.Message(backend.Incoming{From: r.legacy, Text: plain(in.last()), Headline: true})
		return
	}
	l.tell(text)
}

// onFail is a standard reply (IRCv3): FAIL command code context… :text.
func (l *link) onFail(in *incoming) {
	if l.failLabel(in.tags["label"], "undefined-condition", plain(in.last())) || l.phase < entering {
		return
	}
	l.tell(in.last())
}

func (l *link) onBatch(in *incoming) {
	name := in.param(0)
	if len(name) < 2 {
		return
	}
	if name[0] == '-' {
		delete(l.server.labels, name[1:])
		return
	}
	if label := in.tags["label"]; label != "" && len(l.server.labels) < 64 {
		l.server.labels[name[1:]] = label
	}
}

// label is the label of the request that a line answers, "" where it answers
// none.
func (l *link) label(in *incoming) string {
	if label := in.tags["label"]; label != "" {
		return label
	}
	return l.server.labels[in.tags["batch"]]
}
