// SPDX-License-Identifier: GPL-2.0-or-later

package certificate

import (
	"context"
	"time"
)

// every is how often Watch looks.
const every = 30 * time.Second

// Watch takes changed files into use and warns of what clients will stumble
// over, until ctx ends. Files that cannot be used are one line in the log each
// time they change, and what is in use stays.
func (s *Store) Watch(ctx context.Context) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.look()
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) look() {
	s.mu.Lock()
	o, seen := s.o, s.seen
	s.mu.Unlock()
	if stateOf(o) != seen {
		if err := s.load(o); err != nil {
			s.log.Error("the changed certificate cannot be used: the old one stays in use", "err", err)
		}
		return
	}
	s.warn()
}

// warn logs each problem of the certificate in use once.
func (s *Store) warn() {
	i := s.current.Load().info
	s.mu.Lock()
	domain := s.o.Domain
	var fresh []string
	for _, p := range i.Problems(domain, time.Now()) {
		if !s.said[p] {
			s.said[p] = true
			fresh = append(fresh, p)
		}
	}
	s.mu.Unlock()
	for _, p := range fresh {
		s.log.Warn("clients may refuse the certificate", "problem", p, "file", i.File)
	}
}
