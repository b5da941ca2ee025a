// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// iconJob queues something for the service of icons and starts the worker if
// none runs: first before all others. It reports false where too much waits.
func (s *session) iconJob(j iconJob, first bool) bool {
	s.icons.mu.Lock()
	defer s.icons.mu.Unlock()
	if len(s.icons.jobs) >= maxIconJobs {
		return false
	}
	if first {
		s.icons.jobs = append([]iconJob{j}, s.icons.jobs...)
	} else {
		s.icons.jobs = append(s.icons.jobs, j)
	}
	if s.icons.working {
		select {
		case s.icons.wake <- struct{}{}:
		default:
		}
		return true
	}
	s.icons.working = true
	s.icons.wake = make(chan struct{}, 1)
	s.user.Go(func() { s.iconWork(s.icons.wake) })
	return true
}

// iconWork does what waits over one connection, keeps that for a moment, and
// ends.
func (s *session) iconWork(wake <-chan struct{}) {
	w := iconWorker{session: s}
	defer w.close()
	timer := time.NewTimer(iconLinger)
	defer timer.Stop()
	for {
		for j, ok := s.icons.next(); ok; j, ok = s.icons.next() {
			w.do(j)
			timer.Reset(iconLinger)
		}
		select {
		case <-wake:
			continue
		case <-timer.C:
		case <-s.over:
		}
		if s.icons.rest() {
			return
		}
	}
}

// next takes the first job.
func (i *icons) next() (iconJob, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.jobs) == 0 {
		i.jobs = nil
		return iconJob{}, false
	}
	j := i.jobs[0]
	i.jobs = i.jobs[1:]
	return j, true
}

// rest lets the worker end if nothing has come meanwhile.
func (i *icons) rest() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.jobs) > 0 {
		return false
	}
	i.working = false
	return true
}

// iconWorker has the connection with the service.
type iconWorker struct {
	session *session
	link    *link
}

func (w *iconWorker) close() {
	if w.link != nil {
		w.link.close()
	}
}

// do does one job; who waits for it gets an answer in any case.
func (w *iconWorker) do(j iconJob) {
	var data []byte
	defer func() {
		if j.done != nil {
			j.done <- data
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		w.session.log.Info("the service of buddy icons cannot be reached", "err", err)
		if j.upload != nil {
			w.session.iconRefused(err)
		}
		return
	}
	if j.upload != nil {
		w.upload(ctx, j.upload)
		return
	}
	data = w.fetch(ctx, j)
}

// connect opens the connection, again where it has ended.
func (w *iconWorker) connect(ctx context.Context) error {
	if w.link != nil && w.link.ended() == nil {
		return nil
	}
	w.close()
	w.link = nil
	l, err := w.session.open(ctx, wire.BART, nil)
	if err != nil {
		return err
	}
	w.link = l
	return nil
}

func (w *iconWorker) upload(ctx context.Context, data []byte) {
	p, err := w.link.request(ctx, wire.BART, wire.BARTUploadQuery, wire.SNAC_0x10_0x02_BARTUploadQuery{
		Type: wire.BARTTypesBuddyIcon, Data: data,
	})
	if err == nil {
		c := cursor{b: p.body}
		if code := c.u8(); c.short {
			err = errShort
		} else if code != wire.BARTReplyCodesSuccess {
			err = iconCode(code)
		}
	}
	if err != nil {
		w.session.iconRefused(err)
		return
	}
	w.session.iconTaken(data)
}

// fetch gets a contact's icon and announces it.
func (w *iconWorker) fetch(ctx context.Context, j iconJob) []byte {
	s := w.session
	data, known := s.network.icons.data(j.hash)
	if !known {
		p, err := w.link.request(ctx, wire.BART, wire.BARTDownloadQuery, wire.SNAC_0x10_0x04_BARTDownloadQuery{
			ScreenName: j.name, Command: 1, BARTID: wire.BARTID{
				Type: wire.BARTTypesBuddyIcon, BARTInfo: wire.BARTInfo{Flags: wire.BARTFlagsCustom, Hash: []byte(j.hash)},
			},
		})
		if err != nil {
			s.log.Debug("a buddy icon was not fetched", "contact", j.name, "err", err)
			return nil
		}
		if data = parseIcon(p.body); data == nil {
			return nil
		}
		s.network.icons.add(j.hash, data)
	}
	if s.icons.shows(j.name, j.hash) {
		s.showAgain(j.name)
	}
	return data
}

// shows reports whether a contact still has that icon.
func (i *icons) shows(name, hash string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.of[name] == hash
}

// parseIcon reads SNAC(0x10,0x05); nil if it is no picture.
func parseIcon(b []byte) []byte {
	c := cursor{b: b}
	c.str8()
	c.u16()
	c.u8()
	c.str8()
	data := c.bytes16()
	if c.short || len(data) == 0 || !strings.HasPrefix(http.DetectContentType(data), "image/") {
		return nil
	}
	return data
}
