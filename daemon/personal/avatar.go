// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"encoding/base64"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Nodes of the user's own picture (XEP-0084).
const (
	nodePicture  = "urn:xmpp:avatar:data"
	nodeMetadata = "urn:xmpp:avatar:metadata"
)

// tellAvatar hands the picture on that a client published.
func (s *Services) tellAvatar(ctx context.Context, metadata *xmpp.Element) {
	if s.opts.Avatar == nil || !metadata.Is(nodeMetadata, "metadata") {
		return
	}
	var photo []byte
	if info := metadata.Child(nodeMetadata, "info"); info != nil {
		if photo = s.picture(ctx, info.Get("id")); photo == nil {
			return // it is somewhere else (XEP-0084 §4.2.1), or not there yet
		}
	}
	if err := s.opts.Avatar(ctx, photo); err != nil {
		s.log.Info("the network was not given the user's picture", "err", err)
	}
}

// picture is the picture of that id; nil if it was not published.
func (s *Services) picture(ctx context.Context, id string) []byte {
	items, err := s.items(ctx, nodePicture)
	if err != nil {
		s.log.Warn("picture of the user not read", "err", err)
		return nil
	}
	for _, i := range items {
		if i.ID == id && i.Payload.Is(nodePicture, "data") {
			b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(i.Payload.Text()), ""))
			if err == nil && len(b) > 0 {
				return b
			}
		}
	}
	return nil
}
