// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"errors"
	"fmt"
)

// Why a link was lost. The errors that Receiver.Lost gets wrap one of these;
// their texts name the backend's number and nothing secret.
var (
	// ErrCrashed: the process ended without being asked to.
	ErrCrashed = errors.New("crashed")
	// ErrHung: no sign of life for a ping period, or it does not read.
	ErrHung = errors.New("does not answer")
	// ErrProtocol: it sent what the protocol does not allow.
	ErrProtocol = errors.New("broke the protocol")
	// ErrExited: it ended in an orderly way, unasked.
	ErrExited = errors.New("ended")
	// ErrDrained: it ran with an older configuration for too long.
	ErrDrained = errors.New("was replaced after a change of the configuration")
	// ErrStopped: the main process ends.
	ErrStopped = errors.New("is stopped")
	// ErrStalled: this user's receiver did not take a frame in time; the
	// backend goes on with its other users.
	ErrStalled = errors.New("had a user who did not take his frames")
)

// What Link.Send and Manager.Acquire return besides a context's error.
var (
	// ErrGone: the backend was lost or the link released.
	ErrGone = errors.New("the backend is gone")
	// ErrLevel: the frame belongs to an extension that the backend does not
	// speak.
	ErrLevel = errors.New("the backend does not speak this part of the protocol")
	// ErrAcquired: the user has a link already.
	ErrAcquired = errors.New("the user has a backend already")
)

// StartError is what Acquire returns while no backend can be started.
type StartError struct {
	// Text is a sentence for the user.
	Text string
	// Err is the cause, for the log.
	Err error
}

func (e *StartError) Error() string { return e.Err.Error() }

func (e *StartError) Unwrap() error { return e.Err }

// noBackend is the StartError for users while starts fail because of cause.
func noBackend(cause error) *StartError {
	return &StartError{
		Text: "The program that connects to the legacy network does not start at the moment. Please try again later.",
		Err:  cause,
	}
}

// backendError is an error about one backend: its number and the cause.
func backendError(number int, cause error) error {
	return fmt.Errorf("backend %d %w", number, cause)
}
