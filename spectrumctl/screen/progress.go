// SPDX-License-Identifier: GPL-2.0-or-later

package screen

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Patience is how long something may take before a progress line appears.
const Patience = time.Second

const frame = 120 * time.Millisecond

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// Progress shows a moving line with text and the seconds gone on a terminal,
// once Patience is over, until the returned function is called, which clears
// it and waits until it is gone. On anything else, and while another line
// moves already, it does nothing.
func (s *Screen) Progress(text string) (stop func()) {
	if !s.Terminal || !s.moving.CompareAndSwap(false, true) {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		spin(s, Clean(text), quit)
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-gone
		s.moving.Store(false)
	})
}

func spin(w io.Writer, text string, quit <-chan struct{}) {
	began := time.Now()
	select {
	case <-time.After(Patience):
	case <-quit:
		return
	}
	tick := time.NewTicker(frame)
	defer tick.Stop()
	for i := 0; ; i++ {
		fmt.Fprintf(w, "\r%c %s %d s\x1b[K", spinner[i%len(spinner)], text, int(time.Since(began).Seconds()))
		select {
		case <-tick.C:
		case <-quit:
			fmt.Fprint(w, "\r\x1b[K")
			return
		}
	}
}
