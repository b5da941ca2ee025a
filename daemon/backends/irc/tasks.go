// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"errors"
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// What a link has to do at a time.
const (
	taskDial     task = "dial"
	taskStable   task = "stable"
	taskRegister task = "register"
	taskEnter    task = "enter"
	taskIdentify task = "identify"
	taskIdle     task = "idle"
	taskFence    task = "fence"
	taskConfirm  task = "confirm"
	taskRegain   task = "regain"
	taskJoins    task = "joins"
	taskAway     task = "away"
	taskISON     task = "ison"
	taskAnswers  task = "answers"
	taskUnused   task = "unused"
	taskList     task = "list"
)

// connectionTasks end with the connection.
var connectionTasks = []task{
	taskStable, taskRegister, taskEnter, taskIdentify, taskIdle, taskFence, taskConfirm,
	taskRegain, taskJoins, taskAway, taskISON, taskAnswers, taskList,
}

// doDue does everything whose time has come.
func (l *link) doDue(now time.Time) {
	for !l.over {
		t, ok := l.agenda.due(now)
		if !ok {
			return
		}
		l.do(t, now)
	}
}

func (l *link) do(t task, now time.Time) {
	switch t {
	case taskDial:
		l.wantDial = true
	case taskStable:
		l.attempts = 0
	case taskRegister:
		l.lost(&backend.Error{
			Code: pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR,
			Text: l.server.at.host + " did not answer the login",
		})
	case taskEnter:
		l.identify()
	case taskIdentify:
		l.identified()
	case taskIdle:
		l.keepAlive(now)
	case taskFence:
		l.setFence(now)
	case taskConfirm:
		l.giveUpOld(now)
	case taskRegain:
		l.regainNick(now)
	case taskJoins:
		l.expireJoins(now)
	case taskAway:
		l.pollAway(now)
	case taskISON:
		l.pollISON(now)
	case taskUnused:
		l.endIfUnused()
	case taskList:
		l.listUnasked()
	case taskAnswers:
		l.expireAnswers(now)
	}
}

// keepAlive asks a silent server whether it is still there, and hangs up on
// one that does not answer.
func (l *link) keepAlive(now time.Time) {
	s := l.server
	switch silent := now.Sub(s.heard); {
	case !s.pinged.IsZero() && silent >= pongTimeout:
		l.lost(errors.New("the server does not answer"))
	case s.pinged.IsZero() && silent >= idleTimeout:
		s.pinged = now
		l.say(urgent, "PING", "alive-"+strconv.FormatInt(now.Unix(), 10))
		l.agenda.set(taskIdle, now.Add(pongTimeout))
	default:
		l.agenda.set(taskIdle, s.heard.Add(idleTimeout))
	}
}
