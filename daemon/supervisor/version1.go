// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// withoutExtension is m without the extension's fields: m itself if it has
// none, else a copy.
func withoutExtension(m proto.Message) proto.Message {
	var extra []protoreflect.FieldDescriptor
	m.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if fd.Number() >= firstExtension {
			extra = append(extra, fd)
		}
		return true
	})
	if len(extra) == 0 {
		return m
	}
	out := proto.Clone(m)
	for _, fd := range extra {
		out.ProtoReflect().Clear(fd)
	}
	return out
}

// rawUser is the user whom a RAW_XML frame is for: the bare JID of its root
// element's to. "" if there is none.
func rawUser(f pbnetwork.Frame) string {
	d := xml.NewDecoder(bytes.NewReader(f.Raw))
	for {
		tok, err := d.Token()
		if err != nil {
			return ""
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Space == "" && a.Name.Local == "to" {
				bare, _, _ := strings.Cut(a.Value, "/")
				return bare
			}
		}
		return ""
	}
}

func encodeError(t pbnetwork.Type, err error) error {
	return fmt.Errorf("encode %s: %w", t, err)
}
