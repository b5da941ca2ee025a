// SPDX-License-Identifier: GPL-2.0-or-later

// Package personal is what an XMPP server keeps for one user of server mode,
// where there is a database and the network authenticated him: the archive of
// his messages (XEP-0313), private storage (XEP-0049), the nodes of his
// personal eventing (XEP-0163) with his bookmarks (XEP-0402 and XEP-0048, one
// list), and the addresses that he blocks (XEP-0191). It does not know who is
// connected, only where to send to; it routes nothing and knows no network.
//
// What is archived is kept as it was written: the database's encryption key
// is for passwords. Messages to and from the domain itself are commands and
// their answers, in which secrets stand, and are not archived.
package personal
