// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"log/slog"
	"sync"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// User is the main process's side of one session: what a Session tells its
// user. All methods are safe from any goroutine, arrive in the order of the
// calls, and return at once, except Ask. Once the user has logged out they do
// nothing: what a session still says then would only disturb the next one.
type User struct {
	jid    string
	log    *slog.Logger
	config *config.Config
	wire   *wire
	over   <-chan struct{} // the session's ctx
	fault  func(any)       // ends the session after a panic

	mu    sync.Mutex
	muted bool
	rooms map[string]*roomState
	// open are the messages without a result.
	open  map[*Message]struct{}
	steps map[string]chan *pbnetwork.StepAnswer
	work  sync.WaitGroup
}

// outcome is what becomes of a message.
type outcome struct {
	Outcome                     pbnetwork.MessageResult_Outcome
	Reason, Condition, RemoteID string
}

// Log is the logger for what concerns this user; it names him.
func (u *User) Log() *slog.Logger { return u.log }

// Config is the instance's configuration, without its secrets.
func (u *User) Config() *config.Config { return u.config }

// Go runs f in a goroutine of the session: a panic in it ends this session
// only. f has to end when ctx of Session.Run does.
func (u *User) Go(f func()) {
	u.work.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				u.fault(p)
			}
		}()
		f()
	})
}

// Connected says that the login succeeded. legacyName is the name the user has
// on the network now, c what the network confirmed about him. Called again, it
// says that one of the two changed.
func (u *User) Connected(legacyName string, c pbnetwork.Confirmation) {
	u.log.Info("logged in")
	m := &pbnetwork.Connected{User: &u.jid}
	if u.extended() {
		m.Confirmation, m.LegacyName = c.Enum(), text(legacyName)
	}
	u.send(pbnetwork.WrapperMessage_TYPE_CONNECTED, m)
}

// extended reports whether the main process speaks the extension.
func (u *User) extended() bool { return u.wire.level > 0 }

// send queues a frame unless the session is over for the main process.
func (u *User) send(t pbnetwork.Type, m proto.Message) {
	u.sendFrame(pbnetwork.Frame{Type: t, Message: m})
}

func (u *User) sendFrame(f pbnetwork.Frame) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.muted {
		return
	}
	u.mustSend(f)
}

// mustSend queues a frame, also when the user has logged out.
func (u *User) mustSend(f pbnetwork.Frame) {
	if err := u.wire.send(f); err != nil {
		u.log.Warn("a frame was not sent", "type", f.Type.String(), "err", err)
	}
}

// mute ends what the session may say.
func (u *User) mute() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.muted = true
}

// text is an optional field's value: unset when empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// flag is an optional boolean field's value: unset when false.
func flag(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}
