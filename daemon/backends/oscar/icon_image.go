// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // what an avatar may be
	"image/jpeg"
	_ "image/png" // what an avatar may be
)

// What clients of the network take for a buddy icon.
const (
	iconMaxBytes = 7168
	iconMaxSide  = 100
)

// What we are ready to decode for a user: his picture is his own, but a small
// file may claim to be a huge picture.
const (
	photoMaxBytes  = 4 << 20
	photoMaxPixels = 4 << 20
)

// Why a picture does not become an icon; for the user.
var (
	errPhotoKind  = errors.New("your avatar was not set: it has to be a PNG, JPEG or GIF picture")
	errPhotoLarge = errors.New("your avatar was not set: the picture is too large")
)

// decoding bounds how many pictures are decoded at once in this process.
var decoding = make(chan struct{}, 2)

// icon makes a buddy icon of an avatar: a small GIF or JPEG stays as it is, all
// else becomes a JPEG that fits.
func icon(photo []byte) ([]byte, error) {
	if len(photo) > photoMaxBytes {
		return nil, errPhotoLarge
	}
	head, format, err := image.DecodeConfig(bytes.NewReader(photo))
	if err != nil || head.Width <= 0 || head.Height <= 0 {
		return nil, errPhotoKind
	}
	if format != "png" && len(photo) <= iconMaxBytes && max(head.Width, head.Height) <= iconMaxSide {
		return photo, nil
	}
	if int64(head.Width)*int64(head.Height) > photoMaxPixels {
		return nil, errPhotoLarge
	}
	decoding <- struct{}{}
	defer func() { <-decoding }()
	full, _, err := image.Decode(bytes.NewReader(photo))
	if err != nil {
		return nil, errPhotoKind
	}
	return encodeIcon(full)
}

// encodeIcon shrinks a picture until its JPEG is small enough.
func encodeIcon(full image.Image) ([]byte, error) {
	var out bytes.Buffer
	for side := iconMaxSide; side >= 24; side = side * 3 / 4 {
		small := shrink(full, side)
		for quality := 90; quality >= 40; quality -= 10 {
			out.Reset()
			if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
				return nil, fmt.Errorf("encode an icon: %w", err)
			}
			if out.Len() <= iconMaxBytes {
				return out.Bytes(), nil
			}
		}
	}
	return nil, errPhotoLarge
}

// shrink scales a picture down to at most side pixels in each direction, on
// white where it is transparent. Each pixel is the mean of those it stands for.
func shrink(src image.Image, side int) *image.RGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if most := max(w, h); most > side {
		w, h = max(1, w*side/most), max(1, h*side/most)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			dst.SetRGBA(x, y, mean(src, image.Rect(
				b.Min.X+x*b.Dx()/w, b.Min.Y+y*b.Dy()/h,
				b.Min.X+(x+1)*b.Dx()/w, b.Min.Y+(y+1)*b.Dy()/h,
			)))
		}
	}
	return dst
}

// mean is the mean colour of a part of a picture, on white.
func mean(src image.Image, part image.Rectangle) color.RGBA {
	var r, g, b, n uint64
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			pr, pg, pb, pa := src.At(x, y).RGBA() // premultiplied
			white := uint64(0xffff - pa)
			r, g, b, n = r+uint64(pr)+white, g+uint64(pg)+white, b+uint64(pb)+white, n+1
		}
	}
	if n == 0 {
		return color.RGBA{255, 255, 255, 255}
	}
	return color.RGBA{uint8(r / n >> 8), uint8(g / n >> 8), uint8(b / n >> 8), 255}
}
