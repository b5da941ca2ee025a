// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Times of the look at the database.
const (
	storeLook = 15 * time.Second
	// storeAgain is when one comes that was in trouble.
	storeAgain = 2 * time.Second
	// storeGap is how close together looks come that somebody's trouble asked
	// for.
	storeGap = time.Second
	// storeTime is how long a look may take.
	storeTime = 8 * time.Second
	// A database that refuses writes and has taken none for writePatience is
	// in trouble; after writeMemory without further news it may be good again.
	writePatience = 5 * time.Second
	writeMemory   = time.Minute
)

// storeWatch knows whether the database can be used. Whoever uses it says what
// came of that, and the log hears it once, not from everybody.
type storeWatch struct {
	trouble chan struct{} // has a token when somebody had trouble
	look    chan error    // watchStore's own: a look that is under way

	mu            sync.Mutex
	problem       string
	good, refused time.Time // the last write that was taken, that was not
	err           error     // of that
}

func newStoreWatch() *storeWatch { return &storeWatch{trouble: make(chan struct{}, 1)} }

// answered takes what came of a write, or the error of any use. It never waits.
func (w *storeWatch) answered(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.good = time.Now()
		if w.problem == "" {
			return
		}
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		w.refused, w.err = time.Now(), err
	default:
		return
	}
	select {
	case w.trouble <- struct{}{}:
	default:
	}
}

// judge says what is wrong after a look at the database, which ended with err,
// and whether that is news.
func (w *storeWatch) judge(err error) (problem string, cause error, news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	switch {
	case err != nil:
		problem, cause = "the database is not available", err
	case w.refused.After(w.good) && now.Sub(w.good) > writePatience && now.Sub(w.refused) < writeMemory:
		problem, cause = "the database does not take what is to be kept", w.err
	}
	news, w.problem = problem != w.problem, problem
	return problem, cause, news
}

// storeProblem is one sentence while something is wrong with the database.
func (i *Instance) storeProblem() string {
	i.storeWatch.mu.Lock()
	defer i.storeWatch.mu.Unlock()
	return i.storeWatch.problem
}

// watchStore looks at the database every now and then, and when somebody had
// trouble with it, so that STATUS= says what is wrong even if nobody needs it
// just then.
func (i *Instance) watchStore(ctx context.Context) {
	next := time.NewTimer(storeLook)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		case <-i.storeWatch.trouble:
		}
		i.checkStore(ctx)
		next.Reset(storeLook)
		if i.storeProblem() != "" {
			next.Reset(storeAgain)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(storeGap):
		}
	}
}

func (i *Instance) checkStore(ctx context.Context) {
	err := i.lookAtStore(ctx)
	if ctx.Err() != nil {
		return
	}
	problem, cause, news := i.storeWatch.judge(err)
	switch {
	case !news:
		return
	case problem != "":
		i.log.Error("database is away: users go on, what needs it waits or is refused", "trouble", problem, "err", cause)
	default:
		i.log.Info("database is back")
	}
	i.poke()
}

// lookAtStore does not wait for a driver that waits for its server, whatever it
// was told: what that finds later the next look is told.
func (i *Instance) lookAtStore(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, storeTime)
	if i.storeWatch.look == nil {
		answer := make(chan error, 1)
		i.storeWatch.look = answer
		go func() {
			defer cancel()
			_, err := i.store.Status(short)
			answer <- err
		}()
	} else {
		defer cancel()
	}
	select {
	case err := <-i.storeWatch.look:
		i.storeWatch.look = nil
		return err
	case <-short.Done():
		return fmt.Errorf("look at the database: %w", short.Err())
	}
}

// storeFailure notes the error of a request and says how loud the log has to be
// about it: that the database is away is said once for all.
func (i *Instance) storeFailure(err error) slog.Level {
	i.storeWatch.answered(err)
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// backgroundWriters is how many connections to a database server the sessions
// may use for what nobody waits for: half of the pool.
const backgroundWriters = 5
