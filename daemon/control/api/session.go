// SPDX-License-Identifier: GPL-2.0-or-later

package api

import "time"

// How a client is connected, in Session.Transport.
const (
	TransportSTARTTLS  = "starttls"
	TransportTLS       = "tls"
	TransportWebSocket = "websocket"
)

// Session is a client's connection to an instance in server mode.
type Session struct {
	// JID is the full one.
	JID      string `json:"jid"`
	Resource string `json:"resource"`
	// Client and Version are what it says of itself, "" as long as it does
	// not.
	Client  string `json:"client,omitempty"`
	Version string `json:"version,omitempty"`
	// Address is where it is, with its port.
	Address string `json:"address"`
	// Transport is starttls, tls or websocket.
	Transport string `json:"transport"`
	// TLS is the protocol's version ("TLS 1.3").
	TLS   string    `json:"tls"`
	Since time.Time `json:"since"`
	// Detached: its connection broke, and it may come back (XEP-0198).
	Detached bool `json:"detached"`
}

// SessionPage is a part of the sessions in the order of their JIDs.
type SessionPage struct {
	Sessions []Session `json:"sessions"`
	// Next is the JID to ask after for the next part; "" at the end.
	Next string `json:"next,omitempty"`
}

// SessionEnd asks to end a connection: a full JID's, or all of a bare one.
type SessionEnd struct {
	JID string `json:"jid"`
}

// Ended says how many connections were ended.
type Ended struct {
	Ended int `json:"ended"`
}
