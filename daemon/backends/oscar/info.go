// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// info is what the session knows of profiles and away messages: whose away
// message is still to be asked for.
type info struct {
	mu      sync.Mutex
	away    []string
	working bool
}

// maxAsked is how many away messages may wait to be asked for.
const maxAsked = 2000

// VCard is what is known about a contact, his icon included.
func (s *session) VCard(ctx context.Context, name string) (backend.VCard, error) {
	name = normal(name)
	var v backend.VCard
	var err error
	if isUIN(name) && s.icq() {
		v, err = s.icqVCard(ctx, name)
	} else {
		v, err = s.aimVCard(ctx, name)
	}
	v.Photo = s.iconFor(ctx, name)
	if err != nil && v.Photo == nil {
		return v, err
	}
	return v, nil
}

// awaySeen is called in the reading goroutine when a contact is away whose
// away message is not known.
func (s *session) awaySeen(name string) {
	s.info.mu.Lock()
	defer s.info.mu.Unlock()
	if len(s.info.away) >= maxAsked {
		return
	}
	s.info.away = append(s.info.away, name)
	if !s.info.working {
		s.info.working = true
		s.user.Go(s.askAway)
	}
}

// askAway asks for the away messages that are wanted, one after another.
func (s *session) askAway() {
	for name, ok := s.info.nextAway(); ok; name, ok = s.info.nextAway() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, text, err := s.profileOf(ctx, name)
		cancel()
		if err != nil {
			s.log.Debug("an away message was not had", "contact", name, "err", err)
			continue
		}
		if text != "" {
			s.setAway(name, text)
		}
	}
}

// nextAway takes a name, or lets the worker end.
func (i *info) nextAway() (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.away) == 0 {
		i.away, i.working = nil, false
		return "", false
	}
	name := i.away[0]
	i.away = i.away[1:]
	return name, true
}
