// SPDX-License-Identifier: GPL-2.0-or-later

package api

import "net/http"

// The codes of an Error, which programs may branch on.
const (
	CodeBadRequest   = "bad_request"
	CodeNotPermitted = "not_permitted"
	CodeNotFound     = "not_found"
	CodeExists       = "exists"
	CodeTooLarge     = "too_large"
	CodeBusy         = "busy"
	CodeUnavailable  = "unavailable"
	CodeTimeout      = "timeout"
	CodeFailed       = "failed"
	// CodeNotRunning is the client's own: nobody listens on the socket.
	CodeNotRunning = "not_running"
)

// Error is a refusal or a failure: a code for programs, a sentence for people.
// An Instance may return one, wrapped or not, to choose the code; any other
// error it returns is sent as CodeFailed with the error's own text.
type Error struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

func (e *Error) Error() string { return e.Text }

// Is makes errors.Is compare codes alone: errors.Is(err, api.ErrNotRunning).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Text == "" && t.Code == e.Code
}

// Targets of errors.Is; they have no text.
var (
	ErrNotRunning   = &Error{Code: CodeNotRunning}
	ErrNotPermitted = &Error{Code: CodeNotPermitted}
	ErrNotFound     = &Error{Code: CodeNotFound}
	ErrExists       = &Error{Code: CodeExists}
)

// HTTPStatus is the status line that goes with the code.
func (e *Error) HTTPStatus() int {
	switch e.Code {
	case CodeBadRequest:
		return http.StatusBadRequest
	case CodeNotPermitted:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeExists:
		return http.StatusConflict
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeBusy, CodeUnavailable:
		return http.StatusServiceUnavailable
	case CodeTimeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
