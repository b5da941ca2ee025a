// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// mailboxes know every message of a run: from where it has to come, who has to
// get it, and who has. They are kept to the end, so that a double is seen
// whenever it comes.
type mailboxes struct {
	mu      sync.Mutex
	letters []*letter
	open    int // letters that have not arrived everywhere
	delays  delays
	wrong   []string
	count   int // of wrong, which holds the first few
}

type letter struct {
	due  time.Time
	from string
	to   []*member
	// got has a bit for each of to, left counts those without.
	got  uint64
	left int
}

// delays are how long deliveries took, from when the message was due.
type delays []time.Duration

func newMailboxes() *mailboxes { return &mailboxes{} }

// textMark begins the texts of the load's messages; their number follows.
const textMark = "bench "

// expect notes a message and gives it its text.
func (b *mailboxes) expect(due time.Time, from string, to []*member) (text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, &letter{due: due, from: from, to: to, left: len(to)})
	b.open++
	return textMark + strconv.Itoa(len(b.letters)-1) + " but soft, what light through yonder window breaks?"
}

// take looks at a stanza that m got.
func (b *mailboxes) take(m *member, st *xmpp.Element) {
	rest, ours := strings.CutPrefix(xmpp.Body(st), textMark)
	if !ours {
		return
	}
	number, _, _ := strings.Cut(rest, " ")
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(b.letters) {
		b.faultLocked("a message that nobody sent: %s", st)
		return
	}
	b.arrivedLocked(b.letters[n], n, m, st)
}

func (b *mailboxes) arrivedLocked(l *letter, n int, m *member, st *xmpp.Element) {
	i := slices.Index(l.to, m)
	from := st.Get("from")
	if st.Get("type") == "chat" {
		from, _, _ = strings.Cut(from, "/")
	}
	switch {
	case i < 0:
		b.faultLocked("message %d from %s went to %s, for whom it is not", n, l.from, m.bare)
	case from != l.from:
		b.faultLocked("message %d from %s came to %s as from %s", n, l.from, m.bare, from)
	case l.got&(1<<i) != 0:
		b.faultLocked("message %d from %s came to %s twice", n, l.from, m.bare)
	default:
		l.got |= 1 << i
		b.delays = append(b.delays, time.Since(l.due))
		if l.left--; l.left == 0 {
			b.open--
		}
	}
}

// under is how many messages have not arrived everywhere.
func (b *mailboxes) under() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// takeDelays returns the delays since the last call.
func (b *mailboxes) takeDelays() delays {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.delays
	b.delays = nil
	slices.Sort(d)
	return d
}

func (b *mailboxes) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faultLocked(format, args...)
}

func (b *mailboxes) faultLocked(format string, args ...any) {
	if b.count++; len(b.wrong) < 10 {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

// faults says what went wrong, "" where every message arrived exactly once.
func (b *mailboxes) faults() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, l := range b.letters {
		if l.left > 0 {
			b.faultLocked("message %d from %s did not arrive at %d of %d", n, l.from, l.left, len(l.to))
		}
	}
	if b.count == 0 {
		return ""
	}
	return fmt.Sprintf("of %d messages not every one arrived exactly once, %d faults; the first:\n  %s", len(b.letters), b.count, strings.Join(b.wrong, "\n  "))
}

func (d delays) len() int { return len(d) }

// quantile of sorted delays.
func (d delays) quantile(q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return d[min(len(d)-1, int(q*float64(len(d))))]
}
