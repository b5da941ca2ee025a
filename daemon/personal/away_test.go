// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// shaky is an archive that can be away, or slow; the rest is empty.
type shaky struct {
	mu       sync.Mutex
	err      error
	hold     chan struct{} // writes wait for it
	messages []store.Archived
	batches  int
}

func (s *shaky) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *shaky) kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}

func (s *shaky) AddArchived(ctx context.Context, _ store.Token, _ int64, messages []store.Archived) error {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.messages = append(s.messages, slices.Clone(messages)...)
		s.batches++
	}
	return s.err
}

func (s *shaky) Archived(context.Context, int64, store.ArchiveQuery, bool, int) ([]store.Archived, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages), s.err
}

func (s *shaky) CountArchived(context.Context, int64, store.ArchiveQuery, int) (int, error) {
	return s.kept(), nil
}

func (*shaky) ArchivedByID(context.Context, int64, store.ArchiveQuery, []string) ([]store.Archived, error) {
	return nil, nil
}
func (*shaky) LastArchived(context.Context, int64) (int64, error)            { return 0, nil }
func (*shaky) PurgeArchived(context.Context, int64, int64, int) (int, error) { return 0, nil }
func (*shaky) ArchiveOwners(context.Context, int64, int) ([]int64, error)    { return nil, nil }
func (*shaky) PersonalSize(context.Context, int64) (store.PersonalSize, error) {
	return store.PersonalSize{}, nil
}
func (*shaky) PersonalItems(context.Context, int64, string, string) ([]store.Item, error) {
	return nil, nil
}
func (*shaky) ChangePersonal(context.Context, store.Token, int64, []store.Change) error { return nil }

// newShaky is a world whose database is db.
func newShaky(t *testing.T, db *shaky) *world {
	t.Helper()
	w := &world{t: t, id: 1}
	w.options = w.defaults(db)
	var err error
	if w.Services, err = personal.Open(t.Context(), w.options); err != nil {
		t.Fatal(err)
	}
	return w
}

var errAway = fmt.Errorf("write: %w", store.ErrUnavailable)

func TestMessagesOutliveADatabaseThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &shaky{err: errAway}
		w := newShaky(t, db)
		if w.says(ann, "1") == "" {
			t.Error("the message has no name")
		}
		synctest.Wait()
		w.says(ann, "2")
		equal(t, "a query meanwhile", w.refused(laptop, "", "set", queryOf("")), "internal-server-error")
		if !w.logged("archive not written; trying again") {
			t.Error("nobody was told")
		}
		db.set(nil)
		time.Sleep(time.Minute)
		equal(t, "kept", db.kept(), 2)
		equal(t, "found", len(w.query("", "").texts), 2)
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestQueryWaitsForWhatWasRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &shaky{hold: make(chan struct{})}
		w := newShaky(t, db)
		w.says(ann, "1")
		answered := make(chan found, 1)
		go func() { answered <- w.query("", "") }()
		synctest.Wait()
		select {
		case f := <-answered:
			t.Fatalf("answered %s before the message was kept", f)
		default:
		}
		close(db.hold)
		equal(t, "answer", (<-answered).String(), "1 complete=true count=1")
		w.Close(t.Context())
	})
}

func TestMessagesThatDoNotFitAreLostLoudly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &shaky{err: errAway}
		w := newShaky(t, db)
		named := 0
		for i := range 5000 {
			st := parse(t, fmt.Sprintf("<message from='%s' to='%s' type='chat'><body>%d</body></message>", ann, me, i))
			out := w.Record(st, false)
			if xmpp.Body(out) != fmt.Sprint(i) {
				t.Fatal("the message does not go out")
			}
			if mam.IDBy(out, me) != "" {
				named++
			}
			if i == 0 {
				synctest.Wait() // the first is being tried
			}
		}
		if named == 5000 || named < 4000 || !w.logged("message not archived: too many wait") {
			t.Errorf("%d of 5000 have a name", named)
		}
		db.set(nil)
		time.Sleep(time.Minute)
		equal(t, "kept", db.kept(), named)
		if !w.logged(fmt.Sprintf("lost=%d", 5000-named)) {
			t.Error("the log does not say how many were lost")
		}
		if db.batches > named/50 {
			t.Errorf("%d messages in %d writes", named, db.batches)
		}
		w.says(ann, "after it")
		w.Close(t.Context())
		equal(t, "in the end", db.kept(), named+1)
	})
}

func TestRefusedMessagesAreLostLoudly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &shaky{err: fmt.Errorf("write: %w", store.ErrFenced)}
		w := newShaky(t, db)
		w.says(ann, "1")
		synctest.Wait()
		if !w.logged("messages were not archived") || !w.logged("lost=1") {
			t.Error("nobody was told")
		}
		w.Close(t.Context())
	})
}

func TestCloseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &shaky{err: errAway}
		w := newShaky(t, db)
		w.says(ann, "1")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if !w.logged("lost=1") {
			t.Error("the loss is not logged")
		}
		if w.says(ann, "2") != "" || !w.logged("the user's session has ended") {
			t.Error("a closed archive took a message, or nobody was told that it did not")
		}
	})
}

func TestPlacesGoOnWhereTheArchiveEnds(t *testing.T) {
	w := newWorld(t)
	ahead := time.Now().Add(time.Hour).UnixMicro() // the clock was set back
	if err := w.db.AddArchived(t.Context(), 1, w.id, []store.Archived{{Seq: ahead, Peer: ann, ID: "ahead", Stanza: []byte("<message xmlns='jabber:client'><body>first</body></message>")}}); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.says(ann, "second")
	w.open()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := w.db.Archived(t.Context(), w.id, store.ArchiveQuery{}, false, 10)
	if err != nil || len(all) != 2 || all[0].ID != "ahead" || all[1].Seq <= ahead {
		t.Errorf("%v, %v", all, err)
	}
}
