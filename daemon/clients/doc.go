// SPDX-License-Identifier: GPL-2.0-or-later

// Package clients is one user's own XMPP server (RFC 6121): his bound clients,
// presence between them and his session, the roster as they see it, the
// delivery of messages, carbons, and what is asked of his account. It knows
// neither streams nor passwords, keeps nothing on disk, and does not know what
// a contact is: it asks a Session and, where there is one, Services.
package clients
