// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// State is the state of the user's legacy account, the same for the user, the
// administrator and the metrics.
type State int

// The states of an account.
const (
	// Offline: not logged in and not to be.
	Offline State = iota
	// Connecting: the first login is under way.
	Connecting
	Online
	// Reconnecting: was online, lost it, and tries again by itself.
	Reconnecting
	// BadCredentials: the network refused the login; waits for the user.
	BadCredentials
	// Disabled: the user or the operator switched the account off.
	Disabled
	// Unreachable: the network cannot be reached; tries again by itself.
	Unreachable
	// WaitingForYou: the login waits for the user's answer to a step.
	WaitingForYou
)

var stateNames = [...]string{"offline", "connecting", "online", "reconnecting", "bad credentials", "disabled", "unreachable", "waiting for you"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// MarshalText makes the name the JSON form.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Status is a snapshot of a session.
type Status struct {
	// User is the bare JID, LegacyName what he is called on the network now.
	User       string
	LegacyName string
	State      State
	// Since is when State began.
	Since time.Time
	// Text says why, in a sentence; may be empty.
	Text string
	// Resources of the user's clients that are available, sorted.
	Resources []string
	// BackendID is 0 while there is no backend.
	BackendID int
	// Confirmation is what the network confirmed about the login.
	Confirmation pbnetwork.Confirmation
	// Contacts and Rooms count the roster and the rooms he is in.
	Contacts, Rooms int
	// LastActivity is when the user last did something, zero if he did not.
	LastActivity time.Time
}

// RoomInfo is a room of the network's list.
type RoomInfo struct{ Name, Title string }

// ContactInfo is an entry of the user's contact list.
type ContactInfo struct {
	Name, JID, Alias string
	Groups           []string
	Subscription     string
	Status           pbnetwork.StatusType
	StatusText       string
}

// LoginError is a login that the network ended. Text is for the user.
type LoginError struct {
	Code pbnetwork.ConnectionError
	Text string
}

func (e *LoginError) Error() string { return e.Text }

// Refused reports whether the network refused the account, so that trying
// again without the user's doing is useless: a wrong name or password, a name
// in use, settings that it does not take.
func (e *LoginError) Refused() bool {
	switch e.Code {
	case pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME,
		pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED,
		pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_IMPOSSIBLE,
		pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE,
		pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_SETTINGS:
		return true
	}
	return false
}
