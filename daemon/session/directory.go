// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"

	"spectrum.im/spectrum2/daemon/xmpp/search"
)

// SearchForm is what the network's directory can be searched for; false where
// the user's backend has none. It never blocks.
func (s *Session) SearchForm() (search.Form, bool) {
	f := s.searchForm.Load()
	if f == nil {
		return search.Form{}, false
	}
	return FormOf(f), true
}

// FormOf is a backend's search form (pbnetwork.Features) as clients fill it in;
// f is not nil.
func FormOf(f *pbnetwork.SearchForm) search.Form {
	form := search.Form{Instructions: f.GetInstructions()}
	for _, fd := range f.GetField() {
		form.Fields = append(form.Fields, search.Field{
			Name: fd.GetName(), Label: fd.GetLabel(), Required: fd.GetRequired(), Options: slices.Clone(fd.GetOption()),
		})
	}
	return form
}

// Search looks for people in the network's directory and waits for what comes
// of it, a minute at most. Every error but ctx's and ErrEnded is a
// *search.Error with a sentence for the user.
func (s *Session) Search(ctx context.Context, fields map[string]string) (search.Result, error) {
	r := make(chan searchAnswer, 1)
	if err := s.box.put(ctx, searchWanted{fields, r}); err != nil {
		return search.Result{}, err
	}
	select {
	case got := <-r:
		return got.result, got.err
	case <-s.ended:
		return search.Result{}, ErrEnded
	case <-ctx.Done():
		return search.Result{}, ctx.Err()
	}
}

// searchAnswer is what comes back.
type searchAnswer struct {
	result search.Result
	err    error
}

// searchWanted: somebody searches the directory.
type searchWanted struct {
	fields map[string]string
	reply  chan<- searchAnswer
}

// searchTimeout is how long the network may take; its backend has a minute.
const searchTimeout = 65 * time.Second

// maxSearches bounds the searches of one user that wait.
const maxSearches = 5

// searches are those that the network has not answered, by id.
type searches map[string]*searching

type searching struct {
	reply chan<- searchAnswer
	timer *timer
}

func (e searchWanted) apply(ctx context.Context, s *Session) {
	form := s.searchForm.Load()
	switch {
	case !s.online():
		e.reply <- noSearch(xmpp.NotAuthorized, "Not searched: "+s.whyOffline(), ErrOffline)
		return
	case form == nil || s.account.link.Level() == 0:
		e.reply <- noSearch(xmpp.FeatureNotImplemented, "This network has no directory", nil)
		return
	case len(s.searches) >= maxSearches:
		e.reply <- noSearch(xmpp.ResourceConstraint, "Wait until your last search is answered", nil)
		return
	}
	id := xmpp.NewID()
	f := &pbnetwork.Search{User: &s.user, Id: &id}
	for _, name := range slices.Sorted(maps.Keys(e.fields)) {
		value := e.fields[name]
		known := slices.ContainsFunc(form.GetField(), func(f *pbnetwork.StepField) bool { return f.GetName() == name })
		if known && value != "" {
			f.Field = append(f.Field, &pbnetwork.StepField{Name: &name, Value: &value})
		}
	}
	if len(f.Field) == 0 {
		e.reply <- noSearch(xmpp.NotAcceptable, "Fill in at least one field", nil)
		return
	}
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_SEARCH, f) {
		e.reply <- noSearch(xmpp.ServiceUnavailable, "The connection with the network was lost", ErrOffline)
		return
	}
	if s.searches == nil {
		s.searches = make(searches)
	}
	s.searches[id] = &searching{e.reply, s.timers.after(searchTimeout, searchLate{id})}
}

func noSearch(condition, text string, err error) searchAnswer {
	return searchAnswer{err: &search.Error{Condition: condition, Text: text, Err: err}}
}

// onSearchResult: the network's answer.
func onSearchResult(_ context.Context, s *Session, r *pbnetwork.SearchResult) {
	if r.GetFailed() {
		s.searched(r.GetId(), noSearch(xmpp.NotAcceptable, orDefault(r.GetReason(), "The network refused the search"), nil))
		return
	}
	found := search.Result{More: r.GetMore()}
	for _, c := range r.GetColumn() {
		found.Columns = append(found.Columns, search.Column{Name: c.GetName(), Label: c.GetLabel()})
	}
	for _, row := range r.GetRow() {
		j, err := s.set.Addresses.JID(row.GetContact(), "")
		if err != nil || row.GetContact() == "" {
			s.log.Debug("somebody without an address left out of a search")
			continue
		}
		values := make([]string, len(found.Columns))
		copy(values, row.GetValue())
		found.Rows = append(found.Rows, search.Row{JID: j.String(), Values: values})
	}
	s.searched(r.GetId(), searchAnswer{result: found})
}

// searchLate: there is none.
type searchLate struct{ id string }

func (e searchLate) apply(_ context.Context, s *Session) {
	s.searched(e.id, noSearch(xmpp.RemoteServerTimeout, "The network did not answer in time", nil))
}

func (s *Session) searched(id string, a searchAnswer) {
	if w := s.searches[id]; w != nil {
		delete(s.searches, id)
		s.timers.stop(w.timer)
		w.reply <- a // has room for the one answer
	}
}

// abandonSearches: the backend that had them is gone.
func (s *Session) abandonSearches() {
	for id := range s.searches {
		s.searched(id, noSearch(xmpp.ServiceUnavailable, "The connection with the network was lost", ErrOffline))
	}
}
