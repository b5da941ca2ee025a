// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"
)

// noisy is a picture that compresses badly.
func noisy(w, h int, alpha uint8) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), alpha})
		}
	}
	return m
}

func encoded(t *testing.T, m image.Image, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&out, m)
	case "jpeg":
		err = jpeg.Encode(&out, m, &jpeg.Options{Quality: 100})
	case "gif":
		err = gif.Encode(&out, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEveryAvatarBecomesAnIconThatClientsTake(t *testing.T) {
	for name, photo := range map[string][]byte{
		"a large png":     encoded(t, noisy(1200, 800, 255), "png"),
		"a tall png":      encoded(t, noisy(20, 1500, 255), "png"),
		"a small png":     encoded(t, noisy(8, 8, 255), "png"),
		"a large jpeg":    encoded(t, noisy(700, 900, 255), "jpeg"),
		"a large gif":     encoded(t, noisy(300, 300, 255), "gif"),
		"an ordinary gif": encoded(t, noisy(30, 30, 255), "gif"),
	} {
		out, err := icon(photo)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		head, format, err := image.DecodeConfig(bytes.NewReader(out))
		if err != nil || (format != "jpeg" && format != "gif") {
			t.Errorf("%s becomes %s, %v", name, format, err)
		}
		if len(out) > iconMaxBytes || head.Width > iconMaxSide || head.Height > iconMaxSide {
			t.Errorf("%s becomes %d bytes, %d×%d", name, len(out), head.Width, head.Height)
		}
	}
}

func TestAnIconThatFitsIsNotTouched(t *testing.T) {
	photo := encoded(t, noisy(30, 30, 255), "gif")
	if out, err := icon(photo); err != nil || !bytes.Equal(out, photo) {
		t.Errorf("%d bytes become %d: %v", len(photo), len(out), err)
	}
}

func TestTransparencyBecomesWhite(t *testing.T) {
	out, err := icon(encoded(t, noisy(64, 64, 0), "png"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := m.At(30, 30).RGBA(); min(r, g, b) < 0xf000 {
		t.Errorf("a transparent picture has the colour %x %x %x", r, g, b)
	}
}

func TestPicturesThatAreNoneAreRefused(t *testing.T) {
	// A few hundred bytes that claim 60,000 × 60,000 pixels.
	bomb := encoded(t, noisy(2, 2, 255), "png")
	copy(bomb[16:24], []byte{0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60})
	sum := crc32.ChecksumIEEE(bomb[12:29])
	copy(bomb[29:33], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	for name, c := range map[string]struct {
		photo []byte
		want  error
	}{
		"nothing":          {nil, errPhotoKind},
		"text":             {[]byte("I am not a picture."), errPhotoKind},
		"half a png":       {encoded(t, noisy(200, 200, 255), "png")[:2000], errPhotoKind},
		"too many bytes":   {make([]byte, photoMaxBytes+1), errPhotoLarge},
		"a bomb of pixels": {bomb, errPhotoLarge},
	} {
		if _, err := icon(c.photo); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
