// SPDX-License-Identifier: GPL-2.0-or-later

package disco

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// Hash is the verification string of i, hashed with SHA-1 (XEP-0115 §5.1).
func (i Info) Hash() string {
	sum := sha1.Sum([]byte(i.verification()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (i Info) verification() string {
	var b strings.Builder
	add := func(s string) {
		b.WriteString(s)
		b.WriteByte('<')
	}
	ids := make([]string, 0, len(i.Identities))
	for _, id := range i.Identities {
		ids = append(ids, id.Category+"/"+id.Type+"/"+id.Lang+"/"+id.Name)
	}
	for _, id := range sorted(ids) {
		add(id)
	}
	for _, f := range sorted(i.Features) {
		add(f)
	}
	forms := make([]*dataform.Form, 0, len(i.Forms))
	for _, f := range i.Forms {
		// Forms without a hidden FORM_TYPE do not count (XEP-0115 §5.4).
		if t := f.Field("FORM_TYPE"); t != nil && t.Type == dataform.Hidden {
			forms = append(forms, f)
		}
	}
	slices.SortFunc(forms, func(a, b *dataform.Form) int { return strings.Compare(a.FormType(), b.FormType()) })
	for _, f := range forms {
		add(f.FormType())
		fields := slices.Clone(f.Fields)
		slices.SortFunc(fields, func(a, b dataform.Field) int { return strings.Compare(a.Var, b.Var) })
		for _, fd := range fields {
			if fd.Var == "FORM_TYPE" {
				continue
			}
			add(fd.Var)
			for _, v := range sorted(fd.Values) {
				add(v)
			}
		}
	}
	return b.String()
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// Caps is <c/> of a presence: node is the program's address, ver the hash of
// the disco#info that it answers at node#ver.
type Caps struct{ Node, Ver, Hash string }

// NewCaps makes the caps of i.
func NewCaps(node string, i Info) Caps { return Caps{Node: node, Ver: i.Hash(), Hash: "sha-1"} }

// Element is <c/>.
func (c Caps) Element() *xmpp.Element {
	return xmpp.New(NSCaps, "c").Set("hash", c.Hash).Set("node", c.Node).Set("ver", c.Ver)
}

// CapsOf reads the caps of a presence.
func CapsOf(presence *xmpp.Element) (Caps, bool) {
	c := presence.Child(NSCaps, "c")
	return Caps{Node: c.Get("node"), Ver: c.Get("ver"), Hash: c.Get("hash")}, c != nil
}
