// SPDX-License-Identifier: GPL-2.0-or-later

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
)

// Client asks one instance over its control socket. Every error is an *Error
// or wraps the context's.
type Client struct {
	path string
	http http.Client
}

// Dial makes a client for the socket at path. Nothing is connected until the
// first request: a connection may start an instance whose socket systemd
// holds.
func Dial(path string) *Client {
	c := &Client{path: path}
	var d net.Dialer
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
		DisableCompression: true,
		MaxConnsPerHost:    1,
	}
	return c
}

// Path is the socket's.
func (c *Client) Path() string { return c.path }

// Close drops the idle connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks how the instance is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, PathStatus, nil)
}

// Users asks for all users, part by part.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	return pages(PathUsers, func(path string) ([]User, string, error) {
		p, err := call[UserPage](ctx, c, http.MethodGet, path, nil)
		return p.Users, p.Next, err
	})
}

// pages puts the parts of a list together; get returns one and where the next
// begins, "" at the end.
func pages[T any](path string, get func(path string) ([]T, string, error)) ([]T, error) {
	var all []T
	for after := ""; ; {
		q := url.Values{"limit": {strconv.Itoa(MaxPage)}}
		if after != "" {
			q.Set("after", after)
		}
		part, next, err := get(path + "?" + q.Encode())
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
		if next == "" || next <= after {
			return all, nil
		}
		after = next
	}
}

// Backends asks for the backend processes.
func (c *Client) Backends(ctx context.Context) ([]Backend, error) {
	return call[[]Backend](ctx, c, http.MethodGet, PathBackends, nil)
}

// Query sends an administrator's line and returns the answer.
func (c *Client) Query(ctx context.Context, line string) (string, error) {
	a, err := call[Answer](ctx, c, http.MethodPost, PathQuery, Query{Line: line})
	return a.Text, err
}

// Register registers a user.
func (c *Client) Register(ctx context.Context, r Registration) error {
	_, err := call[None](ctx, c, http.MethodPost, PathRegistrations, r)
	return err
}

// Unregister removes a user and every trace of him.
func (c *Client) Unregister(ctx context.Context, jid string) error {
	_, err := call[None](ctx, c, http.MethodDelete, PathRegistrations+"/"+url.PathEscape(jid), nil)
	return err
}

// Sessions asks for all client connections, part by part.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	return pages(PathSessions, func(path string) ([]Session, string, error) {
		p, err := call[SessionPage](ctx, c, http.MethodGet, path, nil)
		return p.Sessions, p.Next, err
	})
}

// EndSession ends the client connection of a full JID, or all of a bare one,
// and returns how many there were.
func (c *Client) EndSession(ctx context.Context, jid string) (int, error) {
	e, err := call[Ended](ctx, c, http.MethodPost, PathSessionsEnd, SessionEnd{JID: jid})
	return e.Ended, err
}

// Reload makes the instance read its file again.
func (c *Client) Reload(ctx context.Context) (Reload, error) {
	return call[Reload](ctx, c, http.MethodPost, PathReload, nil)
}

// call makes one request and opens the answer's envelope.
func call[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var zero T
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return zero, &Error{CodeBadRequest, fmt.Sprintf("encode request: %v", err)}
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, r)
	if err != nil {
		return zero, &Error{CodeBadRequest, fmt.Sprintf("make request: %v", err)}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return zero, c.dialError(ctx, err)
	}
	defer resp.Body.Close()
	return open[T](resp)
}

// open reads the envelope of an answer.
func open[T any](resp *http.Response) (T, error) {
	var zero T
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return zero, &Error{CodeUnavailable, fmt.Sprintf("the instance broke its answer off: %v", err)}
	}
	if len(b) > MaxAnswer {
		return zero, &Error{CodeTooLarge, fmt.Sprintf("the instance's answer is longer than %d bytes", MaxAnswer)}
	}
	var env Envelope[T]
	if err := json.Unmarshal(b, &env); err != nil {
		return zero, &Error{CodeFailed, fmt.Sprintf("what answers on the socket is not an instance (%s): %v", resp.Status, err)}
	}
	switch {
	case env.Version != Version:
		return zero, &Error{CodeFailed, fmt.Sprintf(
			"the instance speaks version %d of the control API, this program version %d: restart the instance after the upgrade", env.Version, Version)}
	case env.Error != nil:
		return zero, env.Error
	case env.Result == nil:
		return zero, &Error{CodeFailed, "the instance sent an empty answer"}
	}
	return *env.Result, nil
}

// dialError tells apart why there was no answer.
func (c *Client) dialError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{CodeNotRunning, "nobody listens on " + c.path}
	case errors.Is(err, fs.ErrPermission):
		return &Error{CodeNotPermitted, "the control socket " + c.path + " is closed to you"}
	case ctx.Err() != nil:
		return fmt.Errorf("no answer on %s: %w", c.path, context.Cause(ctx))
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{CodeUnavailable, fmt.Sprintf("the connection to %s broke: %v", c.path, err)}
}
