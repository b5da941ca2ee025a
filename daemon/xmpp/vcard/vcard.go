// SPDX-License-Identifier: GPL-2.0-or-later

// Package vcard is vcard-temp (XEP-0054) and avatars in it (XEP-0153), as far
// as contacts of legacy networks have them.
package vcard

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Namespaces: the card's, and the one of the hash in presence.
const (
	NS       = "vcard-temp"
	NSUpdate = "vcard-temp:x:update"
)

// VCard is what a card says.
type VCard struct {
	FullName, Nickname string
	Given, Family      string
	Email, URL         string
	Phone, Mobile      string
	Birthday           string
	// Gender has no place in vcard-temp: it becomes a line of the description.
	Gender                                    string
	Street, City, Region, PostalCode, Country string
	Organisation, Title                       string
	Desc                                      string
	Photo                                     []byte
	PhotoType                                 string // MIME type; guessed from Photo where empty
}

// Query asks for a card.
func Query() *xmpp.Element { return xmpp.New(NS, "vCard") }

// Element is <vCard/>.
func (v VCard) Element() *xmpp.Element {
	card := xmpp.New(NS, "vCard")
	add := func(to *xmpp.Element, name, text string) {
		if text != "" {
			to.Add(xmpp.NewText(NS, name, text))
		}
	}
	add(card, "FN", v.FullName)
	if v.Given != "" || v.Family != "" {
		n := xmpp.New(NS, "N")
		add(n, "FAMILY", v.Family)
		add(n, "GIVEN", v.Given)
		card.Add(n)
	}
	add(card, "NICKNAME", v.Nickname)
	if v.Email != "" {
		card.Add(xmpp.New(NS, "EMAIL").Add(xmpp.New(NS, "INTERNET"), xmpp.NewText(NS, "USERID", v.Email)))
	}
	if v.Phone != "" {
		card.Add(xmpp.New(NS, "TEL").Add(xmpp.New(NS, "VOICE"), xmpp.NewText(NS, "NUMBER", v.Phone)))
	}
	if v.Mobile != "" {
		card.Add(xmpp.New(NS, "TEL").Add(xmpp.New(NS, "CELL"), xmpp.NewText(NS, "NUMBER", v.Mobile)))
	}
	card.Add(v.address())
	if v.Organisation != "" {
		card.Add(xmpp.New(NS, "ORG").Add(xmpp.NewText(NS, "ORGNAME", v.Organisation)))
	}
	add(card, "TITLE", v.Title)
	add(card, "URL", v.URL)
	add(card, "BDAY", v.Birthday)
	add(card, "DESC", v.description())
	return card.Add(v.photo())
}

func (v VCard) address() *xmpp.Element {
	if v.Street+v.City+v.Region+v.PostalCode+v.Country == "" {
		return nil
	}
	adr := xmpp.New(NS, "ADR").Add(xmpp.New(NS, "HOME"))
	for _, part := range [][2]string{
		{"STREET", v.Street}, {"LOCALITY", v.City}, {"REGION", v.Region}, {"PCODE", v.PostalCode}, {"CTRY", v.Country},
	} {
		if part[1] != "" {
			adr.Add(xmpp.NewText(NS, part[0], part[1]))
		}
	}
	return adr
}

func (v VCard) description() string {
	if v.Gender == "" {
		return v.Desc
	}
	return strings.TrimSuffix("Gender: "+v.Gender+"\n"+v.Desc, "\n")
}

func (v VCard) photo() *xmpp.Element {
	if len(v.Photo) == 0 {
		return nil
	}
	typ := v.PhotoType
	if typ == "" {
		typ = http.DetectContentType(v.Photo)
	}
	return xmpp.New(NS, "PHOTO").Add(xmpp.NewText(NS, "TYPE", typ),
		xmpp.NewText(NS, "BINVAL", base64.StdEncoding.EncodeToString(v.Photo)))
}

// Of reads the card that st carries; false without one. A photo that is not
// base64 is left out.
func Of(st *xmpp.Element) (VCard, bool) {
	c := st.Child(NS, "vCard")
	if c == nil {
		return VCard{}, false
	}
	v := VCard{
		FullName: c.ChildText(NS, "FN"), Nickname: c.ChildText(NS, "NICKNAME"),
		Given: c.Child(NS, "N").ChildText(NS, "GIVEN"), Family: c.Child(NS, "N").ChildText(NS, "FAMILY"),
		Email:        c.Child(NS, "EMAIL").ChildText(NS, "USERID"),
		Organisation: c.Child(NS, "ORG").ChildText(NS, "ORGNAME"), Title: c.ChildText(NS, "TITLE"),
		URL: c.ChildText(NS, "URL"), Birthday: c.ChildText(NS, "BDAY"), Desc: c.ChildText(NS, "DESC"),
	}
	for tel := range c.Children() {
		switch {
		case !tel.Is(NS, "TEL"):
		case tel.Child(NS, "CELL") != nil:
			v.Mobile = tel.ChildText(NS, "NUMBER")
		case v.Phone == "":
			v.Phone = tel.ChildText(NS, "NUMBER")
		}
	}
	adr := c.Child(NS, "ADR")
	v.Street, v.City, v.Region = adr.ChildText(NS, "STREET"), adr.ChildText(NS, "LOCALITY"), adr.ChildText(NS, "REGION")
	v.PostalCode, v.Country = adr.ChildText(NS, "PCODE"), adr.ChildText(NS, "CTRY")
	p := c.Child(NS, "PHOTO")
	v.PhotoType = p.ChildText(NS, "TYPE")
	data := strings.Join(strings.Fields(p.ChildText(NS, "BINVAL")), "")
	if b, err := base64.StdEncoding.DecodeString(data); err == nil && len(b) > 0 {
		v.Photo = b
	}
	return v, true
}

// PhotoHash is what presence says of a photo, "" for none (XEP-0153 §3).
func PhotoHash(photo []byte) string {
	if len(photo) == 0 {
		return ""
	}
	sum := sha1.Sum(photo)
	return hex.EncodeToString(sum[:])
}

// Update is the <x/> of a presence: hash is the photo's, "" says that there is
// no photo. Where it is not known whether there is one, Unknown is right.
func Update(hash string) *xmpp.Element {
	return xmpp.New(NSUpdate, "x").Add(xmpp.NewText(NSUpdate, "photo", hash))
}

// Unknown is the <x/> of a presence before the card was fetched.
func Unknown() *xmpp.Element { return xmpp.New(NSUpdate, "x") }

// UpdateOf reads a presence's hash; ok is false where it says nothing.
func UpdateOf(presence *xmpp.Element) (hash string, ok bool) {
	p := presence.Child(NSUpdate, "x").Child(NSUpdate, "photo")
	return strings.ToLower(strings.TrimSpace(p.Text())), p != nil
}
