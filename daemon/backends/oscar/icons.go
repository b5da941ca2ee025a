// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// icons is what the session knows of buddy icons. The network names an icon by
// its MD5, the main process by its SHA-1: so an icon that nobody of this
// process has seen is fetched before it is announced.
type icons struct {
	mu sync.Mutex
	// of is the network's name of each contact's icon.
	of map[string]string
	// own is the user's icon until the network has taken it.
	own []byte

	jobs    []iconJob
	working bool
	wake    chan struct{}
}

// iconJob is something to be done on the connection with the service of icons:
// fetch hash of the contact name, or else upload.
type iconJob struct {
	name, hash string
	upload     []byte
	// done gets the icon, nil if there is none; may be nil. It has room for it.
	done chan []byte
}

// Bounds of what waits for the service, and of how long its connection is kept
// with nothing to do.
const (
	maxIconJobs = 2000
	iconLinger  = 10 * time.Second
)

func iconHandlers() table {
	return table{{wire.OService, wire.OServiceBartReply}: (*session).iconWanted}
}

// iconHash takes what the server says about a contact who is there, and gives
// the SHA-1 of his icon, "" where he has none or it has to be fetched first;
// showAgain is called then when it is known. It never waits.
func (s *session) iconHash(name string, info []tlv) string {
	t, _ := find(info, wire.OServiceUserInfoBARTInfo)
	hash := iconOf(parseBARTs(t.value))
	s.icons.mu.Lock()
	if hash == "" {
		delete(s.icons.of, name)
	} else {
		if s.icons.of == nil {
			s.icons.of = make(map[string]string)
		}
		s.icons.of[name] = hash
	}
	s.icons.mu.Unlock()
	if hash == "" {
		return ""
	}
	if sum, ok := s.network.icons.sum(hash); ok {
		return hex.EncodeToString(sum[:])
	}
	s.iconJob(iconJob{name: name, hash: hash}, false)
	return ""
}

// iconOf is the network's name of the icon among what a user shows, "" for
// none.
func iconOf(all []bart) string {
	for _, b := range all {
		info := wire.BARTInfo{Flags: b.flags, Hash: b.hash}
		if b.kind == wire.BARTTypesBuddyIcon && len(b.hash) > 0 && b.flags&wire.BARTFlagsUnknown == 0 && !info.HasClearIconHash() {
			return string(b.hash)
		}
	}
	return ""
}

// iconFor is a contact's icon, nil where he shows none or it cannot be had.
func (s *session) iconFor(ctx context.Context, name string) []byte {
	s.icons.mu.Lock()
	hash := s.icons.of[name]
	s.icons.mu.Unlock()
	if hash == "" {
		return nil
	}
	if data, ok := s.network.icons.data(hash); ok {
		return data
	}
	done := make(chan []byte, 1)
	if !s.iconJob(iconJob{name: name, hash: hash, done: done}, true) {
		return nil
	}
	select {
	case data := <-done:
		return data
	case <-s.over:
	case <-ctx.Done():
	}
	return nil
}

// SetAvatar changes the user's own icon.
func (s *session) SetAvatar(ctx context.Context, photo []byte) error {
	if _, err := s.online(ctx); err != nil {
		return err
	}
	hash, data := wire.GetClearIconHash(), []byte(nil)
	if len(photo) > 0 {
		var err error
		if data, err = icon(photo); err != nil {
			return err
		}
		sum := md5.Sum(data)
		hash = sum[:]
	}
	if old, ok := s.iconItem(); ok && string(old) == string(hash) {
		return nil // the network has it already
	}
	s.icons.mu.Lock()
	s.icons.own = data
	s.icons.mu.Unlock()
	if err := s.setIconItem(ctx, hash); err != nil {
		s.log.Info("the avatar was not set", "err", err)
		return errors.New("your avatar was not set: the network refuses it")
	}
	return nil
}

// iconItemName is the name of the feedbag's item with the user's icon: the type
// of icon.
const iconItemName = "1"

// iconItem is the icon that the network shows for the user.
func (s *session) iconItem() (hash []byte, ok bool) {
	tlvs, _ := s.item(wire.FeedbagClassIdBart, iconItemName)
	t, ok := find(tlvs, wire.FeedbagAttributesBartInfo)
	c := cursor{b: t.value}
	c.u8()
	return []byte(c.str8()), ok && !c.short
}

// setIconItem has the network show another icon.
func (s *session) setIconItem(ctx context.Context, hash []byte) error {
	b := append([]byte{wire.BARTFlagsKnown, byte(len(hash))}, hash...)
	return s.setItem(ctx, wire.FeedbagClassIdBart, iconItemName, wire.NewTLVBE(wire.FeedbagAttributesBartInfo, b))
}

// iconWanted: the server says about an icon whether it has it. It does not have
// the user's new one.
func (s *session) iconWanted(_ *link, p snac) error {
	c := cursor{b: p.body}
	what, flags, hash := c.u16(), c.u8(), c.str8()
	if c.short {
		return errShort
	}
	s.icons.mu.Lock()
	own := s.icons.own
	s.icons.mu.Unlock()
	sum := md5.Sum(own)
	if what != wire.BARTTypesBuddyIcon || own == nil || hash != string(sum[:]) {
		return nil
	}
	if flags&wire.BARTFlagsUnknown != 0 {
		s.iconJob(iconJob{upload: own}, true)
	} else {
		s.iconTaken(own)
	}
	return nil
}

// iconTaken: the network has the user's icon.
func (s *session) iconTaken(data []byte) {
	s.icons.mu.Lock()
	defer s.icons.mu.Unlock()
	if md5.Sum(s.icons.own) == md5.Sum(data) {
		s.icons.own = nil
	}
}

// iconRefused tells the user that his avatar is not shown.
func (s *session) iconRefused(err error) {
	s.log.Info("the avatar was not uploaded", "err", err)
	reason := "the network did not take it"
	var code iconCode
	if errors.As(err, &code) {
		reason = code.Error()
	}
	s.user.Message(backend.Incoming{Text: "Your avatar was not set: " + reason + ".", Headline: true})
}

// iconCode is the service's reason not to take an icon.
type iconCode uint8

func (c iconCode) Error() string {
	switch uint8(c) {
	case wire.BARTReplyCodesTooSmall:
		return "the network finds it too small"
	case wire.BARTReplyCodesTooBig:
		return "the network finds it too big"
	case wire.BARTReplyCodesBanned:
		return "the network has banned this picture"
	}
	return fmt.Sprintf("the network refuses it (0x%02x)", uint8(c))
}
