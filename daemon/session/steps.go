// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// defaultStepTime is how long a step waits where the network does not say.
const defaultStepTime = 5 * time.Minute

// maxStepTime bounds what it says.
const maxStepTime = time.Hour

// ErrNoStep answers an AnswerStep that comes too late, or for nothing.
var ErrNoStep = errors.New("nothing waits for this answer any more")

// steps is the question that waits for the user. There is one at a time: a
// newer one replaces it.
type steps struct {
	timer *timer
	// state is what the account goes back to.
	state State
}

// onStep: the network asks the user something.
func onStep(ctx context.Context, s *Session, m *pbnetwork.Step) {
	if old := s.step.Load(); old != nil {
		s.answer(ctx, old.ID, nil)
		s.clearStep()
	}
	wait := time.Duration(m.GetExpires()) * time.Second
	if wait <= 0 {
		wait = defaultStepTime
	}
	wait = min(wait, maxStepTime)
	step := &Step{
		ID: m.GetId(), Kind: m.GetKind(), Title: m.GetTitle(), Instructions: m.GetInstructions(),
		URI: m.GetUri(), Expires: time.Now().Add(wait),
	}
	step.Fields = stepFields(m.GetField())
	s.steps.state = s.account.state
	s.steps.timer = s.timers.after(wait, stepExpired{step.ID})
	s.timers.stop(s.account.patience) // the user takes his time
	s.step.Store(step)
	s.setState(ctx, WaitingForYou, step.Title)
	s.promptStep(ctx)
}

// promptStep asks the user in chat; registration renders the step in its other
// forms. Who is away is asked when he comes.
func (s *Session) promptStep(ctx context.Context) {
	if step := s.step.Load(); step != nil && s.reachable() {
		s.notice(ctx, step.Text())
	}
}

// Text is the step as a chat message to the user.
func (st *Step) Text() string {
	lines := []string{orDefault(st.Title, "The network asks you something")}
	if st.Instructions != "" {
		lines = append(lines, st.Instructions)
	}
	if st.URI != "" {
		lines = append(lines, st.URI)
	}
	for _, f := range st.Fields {
		line := "– " + orDefault(f.Label, f.Name)
		if len(f.Options) > 0 {
			line += " (" + strings.Join(f.Options, ", ") + ")"
		}
		lines = append(lines, line)
	}
	if len(st.Fields) > 0 {
		lines = append(lines, fmt.Sprintf("Answer here before %s.", st.Expires.UTC().Format("15:04 MST")))
	}
	return strings.Join(lines, "\n")
}

// stepAnswered: the user answered, or cancelled.
type stepAnswered struct {
	id     string
	fields map[string]string
	reply  chan<- error
}

func (e stepAnswered) apply(ctx context.Context, s *Session) {
	step := s.step.Load()
	if step == nil || step.ID != e.id {
		e.reply <- ErrNoStep
		return
	}
	if e.fields != nil {
		for _, f := range step.Fields {
			if f.Required && e.fields[f.Name] == "" {
				e.reply <- fmt.Errorf("%s is needed", orDefault(f.Label, f.Name))
				return
			}
		}
	}
	if !s.answer(ctx, e.id, e.fields) {
		e.reply <- ErrOffline
		return
	}
	s.resume(ctx)
	e.reply <- nil
}

// answer sends the answer, cancelled where fields is nil.
func (s *Session) answer(ctx context.Context, id string, fields map[string]string) bool {
	cancelled := fields == nil
	a := &pbnetwork.StepAnswer{User: &s.user, Id: &id, Cancelled: &cancelled}
	for name, value := range fields {
		a.Field = append(a.Field, &pbnetwork.StepField{Name: &name, Value: &value})
	}
	slices.SortFunc(a.Field, func(x, y *pbnetwork.StepField) int { return strings.Compare(x.GetName(), y.GetName()) })
	return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_STEP_ANSWER, a)
}

// stepExpired: the user did not answer in time.
type stepExpired struct{ id string }

func (e stepExpired) apply(ctx context.Context, s *Session) {
	step := s.step.Load()
	if step == nil || step.ID != e.id {
		return
	}
	s.answer(ctx, e.id, nil)
	s.resume(ctx)
	s.notice(ctx, "The time to answer is over: "+orDefault(step.Title, "the network asked you something"))
}

// resume goes on after a step.
func (s *Session) resume(ctx context.Context) {
	state := s.steps.state
	s.clearStep()
	if s.linked() && !s.online() {
		s.account.patience = s.timers.after(loginPatience, loginLate{s.account.receiver})
	}
	if s.account.state == WaitingForYou {
		s.setState(ctx, state, "")
	}
}

// clearStep forgets the step.
func (s *Session) clearStep() {
	s.timers.stop(s.steps.timer)
	s.steps.timer = nil
	s.step.Store(nil)
}

// dropStep: the login went on, or ended, without an answer.
func (s *Session) dropStep() {
	if s.step.Load() != nil {
		s.clearStep()
	}
}
