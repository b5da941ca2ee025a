// SPDX-License-Identifier: GPL-2.0-or-later

// Package api is what the control socket speaks: HTTP over a unix socket with
// JSON, one envelope for every answer. It holds the types, the paths of the
// sockets and the client; it knows neither an instance nor who may ask.
package api

import "time"

// Version is the version of this API. Fields are only added within one
// version; a client ignores what it does not know.
const Version = 1

// The requests. A user's JID follows PathRegistrations, path-escaped.
const (
	PathStatus        = "/v1/status"        // GET: Status
	PathUsers         = "/v1/users"         // GET ?after=JID&limit=N: UserPage
	PathBackends      = "/v1/backends"      // GET: []Backend
	PathQuery         = "/v1/query"         // POST Query: Answer
	PathReload        = "/v1/reload"        // POST: Reload
	PathRegistrations = "/v1/registrations" // POST Registration; DELETE /v1/registrations/JID
	PathSessions      = "/v1/sessions"      // GET ?after=JID&limit=N: SessionPage; server mode
	PathSessionsEnd   = "/v1/sessions/end"  // POST SessionEnd: Ended; server mode
)

// Limits that both ends keep.
const (
	// MaxRequest is the longest request body in bytes.
	MaxRequest = 64 << 10
	// MaxAnswer is the longest answer that the client reads.
	MaxAnswer = 16 << 20
	// MaxPage is the largest number of users or sessions in one answer.
	MaxPage = 1000
)

// Envelope is every answer's outside: the version, and a result or an error.
type Envelope[T any] struct {
	Version int    `json:"version"`
	Result  *T     `json:"result,omitempty"`
	Error   *Error `json:"error,omitempty"`
}

// Modes of an instance.
const (
	ModeGateway = "gateway"
	ModeServer  = "server"
)

// States of an instance, as the instance itself sees them.
const (
	StateStarting     = "starting"     // not READY yet
	StateRunning      = "running"      // all that it needs is there
	StateReconnecting = "reconnecting" // the XMPP server or the database is away
	StateStopping     = "stopping"
)

// Status is one instance at one moment.
type Status struct {
	Instance string `json:"instance"`
	JID      string `json:"jid"`
	Mode     string `json:"mode"`
	// Backend is the backend's program, resolved ("spectrum2_irc_backend").
	Backend string `json:"backend"`
	// Build is the daemon's version for people.
	Build   string    `json:"build"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	State   string    `json:"state"`
	// Text is the one true sentence that STATUS= carries too.
	Text string `json:"text"`
	// Users are those with a legacy session, Backends the running processes.
	Users    int `json:"users"`
	Backends int `json:"backends"`
	// Memory is the resident memory of the main process and its backends in
	// bytes, for systems without slices; 0 where it is not known.
	Memory int64 `json:"memory"`
	// Link is the component connection; nil in server mode.
	Link *Link `json:"link,omitempty"`
	// Listeners are where clients connect in server mode, address and kind
	// ("[::]:5222 starttls").
	Listeners []string `json:"listeners,omitempty"`
	// Certificate is the one in use; nil in gateway mode.
	Certificate *Certificate `json:"certificate,omitempty"`
	// FromXMPP and ToXMPP count messages since the start.
	FromXMPP int64 `json:"messages_from_xmpp"`
	ToXMPP   int64 `json:"messages_to_xmpp"`
	// Crashed counts backends that ended unasked since the start.
	Crashed int `json:"crashed_backends"`
	// NeedRestart names the keys that changed in the file and wait for a
	// restart ("service.port").
	NeedRestart []string `json:"need_restart,omitempty"`
	// Warnings are sentences for the administrator, what to do included.
	Warnings []string `json:"warnings,omitempty"`
	// LastReload is what the last reload over the control socket did; the
	// server of the socket fills it in.
	LastReload *LastReload `json:"last_reload,omitempty"`
}

// LastReload is a reload's result or error, and when it was.
type LastReload struct {
	At     time.Time `json:"at"`
	Result *Reload   `json:"result,omitempty"`
	Error  *Error    `json:"error,omitempty"`
}

// Link is the connection to the XMPP server in gateway mode.
type Link struct {
	Connected bool   `json:"connected"`
	Address   string `json:"address"`
	// Text is one sentence ("reconnecting to …, next try in 4 s").
	Text string    `json:"text"`
	Next time.Time `json:"next,omitzero"`
}

// Certificate is the certificate that clients are shown.
type Certificate struct {
	// Fingerprint is the SHA-256 in hexadecimal with colons.
	Fingerprint string    `json:"fingerprint"`
	NotAfter    time.Time `json:"not_after"`
	Names       []string  `json:"names,omitempty"`
	SelfSigned  bool      `json:"self_signed"`
	File        string    `json:"file,omitempty"`
	// Error is why a newer one is not in use, "" where there is none.
	Error string `json:"error,omitempty"`
}

// User is a user with a session, or one that waits for a backend.
type User struct {
	JID        string `json:"jid"`
	LegacyName string `json:"legacy_name"`
	// State is the account's state as user, administrator and metrics see it
	// ("connecting", "online", "reconnecting", "bad credentials", …).
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// Text says why, "" where there is nothing to say.
	Text string `json:"text,omitempty"`
	// Backend is the number of the backend that serves him, 0 for none.
	Backend   int `json:"backend"`
	Resources int `json:"resources"`
	Contacts  int `json:"contacts"`
	Rooms     int `json:"rooms"`
	// Active is when he last did something.
	Active time.Time `json:"active,omitzero"`
}

// UserPage is a part of the users in the order of their JIDs.
type UserPage struct {
	Users []User `json:"users"`
	// Next is the JID to ask after for the next part; "" at the end.
	Next string `json:"next,omitempty"`
}

// Backend is one backend process.
type Backend struct {
	ID      int    `json:"id"`
	PID     int    `json:"pid"`
	Program string `json:"program"`
	Build   string `json:"build,omitempty"`
	// State is starting, ready, full, draining, hanging or ending.
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	Users int       `json:"users"`
	// Memory, Initial and Shared are what it says of itself, in bytes.
	Memory  int64 `json:"memory"`
	Initial int64 `json:"initial_memory"`
	Shared  int64 `json:"shared_memory"`
	// Level is the extension's level; 0 is protocol version 1.
	Level int `json:"level"`
	// Draining: it takes nobody new.
	Draining bool `json:"draining"`
	// Scope is its unit, "" for a plain child.
	Scope string `json:"scope,omitempty"`
}

// Registration registers a user for the administrator.
type Registration struct {
	JID        string `json:"jid"`
	LegacyName string `json:"legacy_name"`
	Password   string `json:"password,omitempty"`
}

// Query is an administrator's line, as over chat ("get status").
type Query struct {
	Line string `json:"line"`
}

// Answer is the text that the line got.
type Answer struct {
	Text string `json:"text"`
}

// Reload says what a reload did. It went well even when NeedRestart is not
// empty: the rest is in force.
type Reload struct {
	// Changed are the keys in force from now on ("logging.level").
	Changed []string `json:"changed"`
	// NeedRestart are the keys that changed but wait for a restart.
	NeedRestart []string `json:"need_restart"`
	// Warnings of the new file, each with file and line.
	Warnings []string `json:"warnings,omitempty"`
}

// None is the result of a request that only succeeds or fails.
type None struct{}
