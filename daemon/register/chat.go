// SPDX-License-Identifier: GPL-2.0-or-later

package register

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Bounds of the conversations.
const (
	maxTalks  = 1000
	talkLasts = 5 * time.Minute
)

// Chat renders the flow as a conversation: the transport asks for one field
// after the other, the user answers with one message each.
type Chat struct {
	registrar *Registrar

	mu    sync.Mutex
	talks map[string]*talk
}

// talk is one user's conversation.
type talk struct {
	step    Step
	answers map[string]string
	expires time.Time
}

// NewChat makes the renderer of r.
func NewChat(r *Registrar) *Chat { return &Chat{registrar: r, talks: map[string]*talk{}} }

// Start begins a conversation with jid and returns the first question.
func (c *Chat) Start(ctx context.Context, jid string) (string, error) {
	step, u, err := c.registrar.FirstFor(ctx, jid)
	if err != nil {
		return "", err
	}
	t := &talk{step: step, answers: map[string]string{}, expires: time.Now().Add(talkLasts)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweepLocked()
	if len(c.talks) >= maxTalks {
		return "", Refused("resource-constraint", "Too many registrations are going on. Please try again in some minutes.")
	}
	c.talks[jid] = t
	greeting := step.Instructions
	if u != nil {
		greeting = fmt.Sprintf("You are registered as %s; this changes it.", u.Name)
	}
	return greeting + "\nAnswer each question with one message, or send cancel.\n" + t.question(), nil
}

// Open reports whether jid's next message is an answer.
func (c *Chat) Open(jid string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.talks[jid]
	return t != nil && time.Now().Before(t.expires)
}

// Answer takes the user's next message and returns what to say.
func (c *Chat) Answer(ctx context.Context, jid, text string) (string, error) {
	answers, reply := c.take(jid, strings.TrimSpace(text))
	if answers == nil {
		return reply, nil
	}
	if err := c.registrar.Submit(ctx, jid, answers); err != nil {
		return "", err
	}
	return "You are registered.", nil
}

// take fills in one field. answers is set when it was the last one.
func (c *Chat) take(jid, text string) (answers map[string]string, reply string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.talks[jid]
	if t == nil {
		return nil, "There is nothing to answer. Send register to begin."
	}
	if strings.EqualFold(text, "cancel") {
		delete(c.talks, jid)
		return nil, "Nothing was changed."
	}
	f := t.field()
	if text == "-" && !f.Required {
		text = ""
	} else if text == "" {
		return nil, t.question()
	}
	t.answers[f.Name] = text
	t.expires = time.Now().Add(talkLasts)
	if t.field() != nil {
		return nil, t.question()
	}
	delete(c.talks, jid)
	return t.answers, ""
}

// field is the next one without an answer, nil when all have one.
func (t *talk) field() *Field {
	for i := range t.step.Fields {
		if _, ok := t.answers[t.step.Fields[i].Name]; !ok {
			return &t.step.Fields[i]
		}
	}
	return nil
}

func (t *talk) question() string {
	f := t.field()
	q := strings.TrimSuffix(f.Label, ":") + "?"
	if !f.Required {
		q += " (send - for none)"
	}
	return q
}

// sweepLocked needs c.mu: it forgets the conversations that were left.
func (c *Chat) sweepLocked() {
	now := time.Now()
	for jid, t := range c.talks {
		if now.After(t.expires) {
			delete(c.talks, jid)
		}
	}
}
