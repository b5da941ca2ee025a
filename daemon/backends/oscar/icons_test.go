// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"testing"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// picture is a PNG of one colour.
func picture(t *testing.T, side int, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		m.Set(i%side, i/side, c)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// setAvatar sets a user's own avatar as the main process does; nil takes it.
func setAvatar(m *backendtest.Main, user string, photo []byte) {
	v := &pbnetwork.VCard{UserName: &user, BuddyName: proto.String(""), Id: proto.Int32(0), Photo: photo}
	if photo == nil {
		v.NoPhoto = proto.Bool(true)
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_VCARD, v)
}

// iconOf waits until a contact has an icon other than the one given.
func iconOf(m *backendtest.Main, user, contact, other string) string {
	return contactOf(m, user, contact, func(b *pbnetwork.Buddy) bool {
		return b.GetIconHash() != "" && b.GetIconHash() != other
	}).GetIconHash()
}

func TestAvatarsBothWays(t *testing.T) {
	for _, pair := range [][2]string{{"100001", "100002"}, {"romeo", "juliet"}, {"nurse", "100003"}} {
		t.Run(pair[0]+" and "+pair[1], func(t *testing.T) {
			s := serverWith(t, pair[0], pair[1])
			m := startOn(t, s)
			a, b := loginAs(t, m, pair[0]), loginAs(t, m, pair[1])
			knows(m, b, pair[1], a, pair[0])
			setAvatar(m, a, picture(t, 300, color.RGBA{200, 0, 0, 255}))
			hash := iconOf(m, b, pair[0], "")
			photo := vcardOf(m, b, pair[0]).GetPhoto()
			if sum := sha1.Sum(photo); hex.EncodeToString(sum[:]) != hash {
				t.Errorf("the avatar %x is announced as %s", sum, hash)
			}
			head, format, err := image.DecodeConfig(bytes.NewReader(photo))
			if err != nil || format != "jpeg" || head.Width > 100 {
				t.Errorf("the avatar is %s, %v: %v", format, head, err)
			}
			if !bytes.Equal(s.Icon(pair[0]), photo) {
				t.Error("the server has another icon")
			}
			setAvatar(m, a, picture(t, 20, color.RGBA{0, 0, 200, 255}))
			if second := iconOf(m, b, pair[0], hash); second == hash {
				t.Error("the second avatar was not announced")
			}
			setAvatar(m, a, nil)
			m.Logout(b, pair[1])
			b = loginAs(t, m, pair[1])
			contactOf(m, b, pair[0], there(pbnetwork.StatusType_STATUS_ONLINE))
			if photo := vcardOf(m, b, pair[0]).GetPhoto(); photo != nil {
				t.Errorf("the removed avatar has %d bytes", len(photo))
			}
		})
	}
}

func TestAnAvatarIsThereAfterTheNextLogin(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	a, b := loginAs(t, m, "100001"), loginAs(t, m, "100002")
	knows(m, b, "100002", a, "100001")
	setAvatar(m, a, picture(t, 50, color.RGBA{0, 200, 0, 255}))
	hash := iconOf(m, b, "100001", "")
	m.Logout(a, "100001")
	contactOf(m, b, "100001", there(pbnetwork.StatusType_STATUS_NONE))
	loginAs(t, m, "100001")
	// In a process that has not seen it.
	other := startOn(t, s)
	m.Logout(b, "100002")
	b = loginAs(t, other, "100002")
	if again := iconOf(other, b, "100001", ""); again != hash {
		t.Errorf("the avatar was %s and is %s", hash, again)
	}
}

func TestAPictureThatIsNoneIsRefused(t *testing.T) {
	s := serverWith(t, "100001")
	m := startOn(t, s)
	a := loginAs(t, m, "100001")
	setAvatar(m, a, []byte("not a picture"))
	if got := m.Incoming(a, "").GetMessage(); got == "" {
		t.Error("nothing is told")
	}
	if s.Icon("100001") != nil {
		t.Error("the server has an icon")
	}
}
