// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// commandTimeout is how long the answer of a command is waited for.
const commandTimeout = time.Minute

// commands are those that the network has not answered, by id.
type commands struct {
	waiting map[string]*command
}

type command struct {
	reply chan<- commandResult
	timer *timer
}

// commandResult is what comes back.
type commandResult struct {
	text string
	err  error
}

// commandWanted: somebody runs a command of the network's own.
type commandWanted struct {
	room, name string
	args       []string
	reply      chan<- commandResult
}

func (e commandWanted) apply(ctx context.Context, s *Session) {
	switch {
	case !s.online():
		e.reply <- commandResult{err: ErrOffline}
		return
	case s.account.link.Level() == 0:
		e.reply <- commandResult{err: ErrNoCommands}
		return
	}
	id := xmpp.NewID()
	f := &pbnetwork.Command{User: &s.user, Id: &id, Name: &e.name, Argument: e.args}
	if room := s.roomNamed(e.room); room != "" {
		f.Room = &room
	}
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_COMMAND, f) {
		e.reply <- commandResult{err: ErrOffline}
		return
	}
	if s.commands.waiting == nil {
		s.commands.waiting = make(map[string]*command)
	}
	s.commands.waiting[id] = &command{e.reply, s.timers.after(commandTimeout, commandLate{id})}
}

// roomNamed is the legacy name of a room given by that or by its JID.
func (s *Session) roomNamed(room string) string {
	if j, err := xmpp.ParseJID(room); err == nil && j.Localpart() != "" && j.Domainpart() == s.set.Addresses.Transport {
		return s.resolve(j).name
	}
	return room
}

// onCommandResult: the network's answer.
func onCommandResult(_ context.Context, s *Session, r *pbnetwork.CommandResult) {
	if r.GetFailed() {
		s.commandDone(r.GetId(), commandResult{err: &CommandError{orDefault(r.GetText(), "The command failed")}})
		return
	}
	s.commandDone(r.GetId(), commandResult{text: r.GetText()})
}

// commandLate: there is none.
type commandLate struct{ id string }

func (e commandLate) apply(_ context.Context, s *Session) {
	s.commandDone(e.id, commandResult{err: &CommandError{"The network did not answer in time"}})
}

func (s *Session) commandDone(id string, r commandResult) {
	if c := s.commands.waiting[id]; c != nil {
		delete(s.commands.waiting, id)
		s.timers.stop(c.timer)
		c.reply <- r // has room for the one answer
	}
}

// abandonCommands: the backend that had them is gone.
func (s *Session) abandonCommands() {
	for id := range s.commands.waiting {
		s.commandDone(id, commandResult{err: ErrOffline})
	}
}
