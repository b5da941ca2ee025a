// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// What Ask can end with beside ctx's own error.
var (
	// ErrCancelled: the user refused to answer.
	ErrCancelled = errors.New("the user did not want to answer")
	// ErrExpired: the user did not answer in time.
	ErrExpired = errors.New("the user did not answer in time")
	// ErrNoSteps: the main process speaks version 1, which cannot ask.
	ErrNoSteps = errors.New("this main process cannot ask the user")
	// ErrEnded: the session ended before the answer.
	ErrEnded = errors.New("the session has ended")
)

// defaultExpiry is how long an answer is waited for.
const defaultExpiry = 5 * time.Minute

// Ask asks the user and waits for his answer: the fields' values by their
// names. The account's state is "waiting for you" meanwhile. It must not be
// called in one of the calls that arrive in order (Message, JoinRoom, …), which
// would hold the user's next ones back: call it in Run, or in Go. The error is
// ErrCancelled, ErrExpired, ErrNoSteps, ErrEnded or ctx's.
func (u *User) Ask(ctx context.Context, s Step) (map[string]string, error) {
	if !u.extended() {
		return nil, ErrNoSteps
	}
	expires := s.Expires
	if expires <= 0 {
		expires = defaultExpiry
	}
	id, answer := u.openStep()
	defer u.closeStep(id)
	u.send(pbnetwork.WrapperMessage_TYPE_STEP, stepMessage(u.jid, id, s, expires))
	timer := time.NewTimer(expires)
	defer timer.Stop()
	select {
	case a := <-answer:
		return values(a)
	case <-timer.C:
		return nil, ErrExpired
	case <-u.over:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (u *User) openStep() (string, <-chan *pbnetwork.StepAnswer) {
	id, c := rand.Text(), make(chan *pbnetwork.StepAnswer, 1)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.steps[id] = c
	return id, c
}

func (u *User) closeStep(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.steps, id)
}

// answerStep hands an answer to who waits for it. Answers bypass the queue of
// calls: one of them may be what waits.
func (u *User) answerStep(a *pbnetwork.StepAnswer) {
	u.mu.Lock()
	c := u.steps[a.GetId()]
	delete(u.steps, a.GetId())
	u.mu.Unlock()
	if c == nil {
		u.log.Debug("an answer came too late", "step", a.GetId())
		return
	}
	c <- a // room for one, and it is sent to once
}

func values(a *pbnetwork.StepAnswer) (map[string]string, error) {
	if a.GetCancelled() {
		return nil, ErrCancelled
	}
	v := make(map[string]string, len(a.GetField()))
	for _, f := range a.GetField() {
		v[f.GetName()] = f.GetValue()
	}
	return v, nil
}

func stepMessage(user, id string, s Step, expires time.Duration) *pbnetwork.Step {
	seconds := int32((expires + time.Second - 1) / time.Second)
	return &pbnetwork.Step{
		User: &user, Id: &id, Kind: s.Kind.Enum(), Title: text(s.Title),
		Instructions: text(s.Instructions), Field: s.Fields, Uri: text(s.URI), Expires: &seconds,
	}
}
