// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import "spectrum.im/spectrum2/daemon/pbnetwork"

// vcard answers a request.
func (u *User) vcard(contact string, id int32, v VCard) {
	m := &pbnetwork.VCard{
		UserName: &u.jid, BuddyName: &contact, Id: &id,
		Fullname: text(v.FullName), Nickname: text(v.Nickname), Photo: v.Photo,
	}
	if u.extended() {
		m.Given, m.Family = text(v.Given), text(v.Family)
		m.Email, m.Phone, m.Mobile, m.Url = text(v.Email), text(v.Phone), text(v.Mobile), text(v.URL)
		m.Birthday, m.Gender = text(v.Birthday), text(v.Gender)
		m.Street, m.City, m.Region = text(v.Street), text(v.City), text(v.Region)
		m.PostalCode, m.Country = text(v.PostalCode), text(v.Country)
		m.Organisation, m.Title, m.Description = text(v.Organisation), text(v.Title), text(v.Description)
	}
	u.send(pbnetwork.WrapperMessage_TYPE_VCARD, m)
}
