// SPDX-License-Identifier: GPL-2.0-or-later

package template

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"sync"

	"spectrum.im/spectrum2/daemon/backend"
)

// echoContact is echo as the user's contact list shows him.
func echoContact(status backend.Status) backend.Contact {
	return backend.Contact{
		Name:     echo,
		Alias:    "Echo",
		Groups:   []string{"Template"},
		Status:   status,
		IconHash: photoHash(),
	}
}

// Message takes a message to echo, to the room, or to an occupant. Each one
// gets its result: Delivered, Failed, Refused or Unknown, here at once; a
// network that confirms later keeps m until then.
func (s *session) Message(_ context.Context, m *backend.Message) {
	switch {
	case m.To == echoRoom:
		s.roomMessage(m)
	case m.To == echo:
		m.Delivered(s.nextID())
		s.answer(m)
	default:
		m.Refused("item-not-found", fmt.Sprintf("The template network knows nobody called %q.", m.To))
	}
}

// answer is what echo does with a message: read it, type, and send it back.
func (s *session) answer(m *backend.Message) {
	if m.WantReceipt {
		s.user.Receipt(m)
	}
	s.user.Typing(echo, backend.TypingActive)
	s.user.Message(backend.Incoming{From: echo, Text: m.Text, XHTML: m.XHTML, RemoteID: s.nextID()})
	s.user.Typing(echo, backend.TypingStopped)
}

// nextID is the network's id of a message.
func (s *session) nextID() string {
	s.sent++
	return strconv.Itoa(s.sent)
}

// Typing: while the user types, echo types too.
func (s *session) Typing(_ context.Context, contact string, t backend.Typing) error {
	if contact == echo {
		s.user.Typing(echo, t)
	}
	return nil
}

// VCard looks a contact up. The error is for the log: the user gets an empty
// vCard then.
func (s *session) VCard(_ context.Context, contact string) (backend.VCard, error) {
	switch contact {
	case echo, echoBot:
		return backend.VCard{FullName: "Echo of the Template", Nickname: contact, Photo: photo()}, nil
	}
	return backend.VCard{}, fmt.Errorf("look up %q: no such contact", contact)
}

// photo is echo's picture: two squares, the smaller one inside.
var photo = sync.OnceValue(func() []byte {
	const size = 64
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{
		color.RGBA{0x20, 0x60, 0xa0, 0xff}, color.RGBA{0xf0, 0xf0, 0xf0, 0xff},
	})
	for y := size / 4; y < size*3/4; y++ {
		for x := size / 4; x < size*3/4; x++ {
			picture.SetColorIndex(x, y, 1)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic(err) // a picture of our own into memory
	}
	return b.Bytes()
})

// photoHash is how contacts' photos are named (XEP-0153): SHA-1 in hexadecimal.
var photoHash = sync.OnceValue(func() string {
	sum := sha1.Sum(photo())
	return hex.EncodeToString(sum[:])
})
