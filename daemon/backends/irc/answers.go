// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"slices"
	"strings"
	"time"
)

// answerKind is what an answer of the server is about.
type answerKind int

const (
	answerWhois answerKind = iota
	answerMode
	answerCTCP
	answerList
)

// answer is a question to the server that somebody waits for.
type answer struct {
	kind  answerKind
	key   string // the nick or channel asked about
	lines []string
	// realName is what WHOIS said.
	realName string
	until    time.Time
	done     func(a *answer, err string)
}

// answers are the questions that are open, the oldest first.
type answers struct{ list []*answer }

const (
	maxAnswers     = 32
	maxAnswerLines = 60
)

// await opens a question; false when there are too many.
func (q *answers) await(a *answer) bool {
	if len(q.list) >= maxAnswers {
		return false
	}
	q.list = append(q.list, a)
	return true
}

// find is the oldest question of that kind about that name.
func (q *answers) find(kind answerKind, key string, s *server) *answer {
	for _, a := range q.list {
		if a.kind == kind && s.is(a.key, key) {
			return a
		}
	}
	return nil
}

// line adds a line to an answer; a mode's answer is complete with it.
func (q *answers) line(kind answerKind, key, text string, s *server) {
	a := q.find(kind, key, s)
	if a == nil {
		return
	}
	if len(a.lines) < maxAnswerLines {
		a.lines = append(a.lines, plain(text))
	}
	if kind == answerMode {
		q.finish(a, "")
	}
}

// finishWith completes an answer with its only line; false if nobody waits.
func (q *answers) finishWith(kind answerKind, key, text string, s *server) bool {
	a := q.find(kind, key, s)
	if a == nil {
		return false
	}
	a.lines = append(a.lines, text)
	q.finish(a, "")
	return true
}

// finish hands the answer over; err is what the server said instead of one.
func (q *answers) finish(a *answer, err string) {
	q.list = slices.DeleteFunc(q.list, func(x *answer) bool { return x == a })
	a.done(a, err)
}

// failed takes an error of the server for the answer to a question about what
// it names.
func (q *answers) failed(in *incoming, s *server) bool {
	for _, a := range q.list {
		if a.kind != answerList && s.is(a.key, in.param(1)) {
			q.finish(a, plain(in.param(1)+": "+in.last()))
			return true
		}
	}
	return false
}

func (q *answers) failAll() {
	for len(q.list) > 0 {
		q.finish(q.list[0], "the connection to the network was lost")
	}
}

// text is the answer in lines.
func (a *answer) text() string { return strings.Join(a.lines, "\n") }

// ask sends a question and has done called with its answer, always.
func (l *link) ask(a *answer, wait time.Duration, name string, params ...string) {
	switch {
	case l.phase != online:
		a.done(a, "not connected to the network")
		return
	case !l.answers.await(a):
		a.done(a, "too many questions are waiting for the network already")
		return
	}
	a.until = time.Now().Add(wait)
	l.agenda.earlier(taskAnswers, a.until)
	if !l.say(normal, name, params...) {
		l.answers.finish(a, "the network takes no more commands for now")
	}
}

func (l *link) expireAnswers(now time.Time) {
	for _, a := range slices.Clone(l.answers.list) {
		if a.until.After(now) {
			l.agenda.earlier(taskAnswers, a.until)
		} else {
			l.answers.finish(a, "the network did not answer")
		}
	}
}
