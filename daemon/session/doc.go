// SPDX-License-Identifier: GPL-2.0-or-later

// Package session is one XMPP user of a transport: the state machine of his
// legacy account, and everything that goes between his clients and his
// backend. One goroutine owns the user; whatever happens to him (a stanza, a
// frame, a timer, an administrator's wish) is an event posted to it.
//
// It knows neither XMPP streams nor processes nor databases: it declares what
// it needs of them (Front, Backends, Store) and is given those. What concerns
// nobody in particular (disco of the transport, registration, commands) is
// its callers'.
package session
