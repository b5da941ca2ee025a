// SPDX-License-Identifier: GPL-2.0-or-later

package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/control/controltest"
)

// serve runs a server over i until the test ends, and returns its socket.
func serve(t *testing.T, o control.Options, i control.Instance) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Serve(ctx, l, i, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}

func client(t *testing.T, path string) *api.Client {
	c := api.Dial(path)
	t.Cleanup(c.Close)
	return c
}

func TestRegisteredUserIsListedUntilUnregistered(t *testing.T) {
	c := client(t, serve(t, control.Options{}, &controltest.Instance{}))
	ctx := t.Context()
	if err := c.Register(ctx, api.Registration{JID: "a/b@example.org", LegacyName: "n", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	users, err := c.Users(ctx)
	if err != nil || len(users) != 1 || users[0].LegacyName != "n" {
		t.Fatalf("Users = %v, %v", users, err)
	}
	if err := c.Register(ctx, api.Registration{JID: "a/b@example.org", LegacyName: "n"}); !errors.Is(err, api.ErrExists) {
		t.Errorf("second Register: %v, want ErrExists", err)
	}
	if err := c.Unregister(ctx, "a/b@example.org"); err != nil {
		t.Errorf("Unregister: %v", err)
	}
	if err := c.Unregister(ctx, "a/b@example.org"); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("second Unregister: %v, want ErrNotFound", err)
	}
	s, err := c.Status(ctx)
	if err != nil || s.Users != 0 {
		t.Errorf("Status = %+v, %v", s, err)
	}
}

func TestUsersComeInPartsButAllOfThem(t *testing.T) {
	i := &controltest.Instance{}
	const n = 2*api.MaxPage + 1
	for k := range n {
		i.Add(api.User{JID: fmt.Sprintf("%05d@example.org", n-k)})
	}
	path := serve(t, control.Options{}, i)
	users, err := client(t, path).Users(t.Context())
	if err != nil || len(users) != n {
		t.Fatalf("%d users, %v", len(users), err)
	}
	if users[0].JID != "00001@example.org" || users[n-1].JID != fmt.Sprintf("%05d@example.org", n) {
		t.Errorf("from %s to %s", users[0].JID, users[n-1].JID)
	}
	status, env := raw(t, path, "GET "+api.PathUsers+"?limit=1001 HTTP/1.1\r\nHost: x\r\n\r\n")
	if status != http.StatusBadRequest || !strings.Contains(env.Error.Text, "from 1 to 1000") {
		t.Errorf("limit=1001: %d %+v", status, env.Error)
	}
}

func TestStatusRemembersTheLastReload(t *testing.T) {
	fail := errors.New("irc.cfg:3: service.port: \"x\" is not a number")
	i := &controltest.Instance{Reloading: func(context.Context) (api.Reload, error) { return api.Reload{}, fail }}
	c := client(t, serve(t, control.Options{}, i))
	if _, err := c.Reload(t.Context()); err == nil || err.Error() != fail.Error() {
		t.Fatalf("Reload: %v, want %v", err, fail)
	}
	s, err := c.Status(t.Context())
	if err != nil || s.LastReload == nil || s.LastReload.Error.Text != fail.Error() {
		t.Errorf("LastReload = %+v, %v", s.LastReload, err)
	}
}

func TestStrangerIsToldWhatToDo(t *testing.T) {
	i := &controltest.Instance{}
	deny := func(control.Peer) error { return errors.New("you may not: use sudo") }
	c := client(t, serve(t, control.Options{Allow: deny}, i))
	err := c.Register(t.Context(), api.Registration{JID: "a@b", LegacyName: "n"})
	if !errors.Is(err, api.ErrNotPermitted) || err.Error() != "you may not: use sudo" {
		t.Errorf("err = %v", err)
	}
	if u := i.Users(t.Context()); len(u) != 0 {
		t.Errorf("a stranger registered %v", u)
	}
}

// raw sends text and reads one answer.
func raw(t *testing.T, path, text string) (int, api.Envelope[json.RawMessage]) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, text) // the server may answer before all is sent
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var env api.Envelope[json.RawMessage]
	if err := json.NewDecoder(resp.Body).Decode(&env); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	if env.Version != api.Version {
		t.Errorf("version %d in the answer", env.Version)
	}
	if env.Error == nil && resp.StatusCode != http.StatusOK {
		t.Errorf("%s without an error", resp.Status)
	}
	return resp.StatusCode, env
}

func TestBadRequestsAreAnsweredWithASentence(t *testing.T) {
	path := serve(t, control.Options{}, &controltest.Instance{})
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	for _, tt := range []struct {
		name, request string
		status        int
		text          string
	}{
		{"unknown path", "GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, "is no request of version 1"},
		{"wrong method", "PUT /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 404, `"PUT" of "/v1/status"`},
		{"no body", post(api.PathQuery, ""), 400, "has no body"},
		{"no JSON", post(api.PathQuery, "get status"), 400, "not the JSON that /v1/query wants"},
		{"two values", post(api.PathQuery, `{"line":"a"}{"line":"b"}`), 400, "more than one value"},
		{"empty line", post(api.PathQuery, `{"line":"  "}`), 400, "the line is empty"},
		{"two lines", post(api.PathQuery, `{"line":"help\nreload"}`), 400, "is one line"},
		{"too long", post(api.PathQuery, `{"line":"`+strings.Repeat("x", api.MaxRequest)+`"}`), 413, "longer than 65536 bytes"},
		{"no name", post(api.PathRegistrations, `{"jid":"a@b"}`), 400, "needs the user's JID and his name"},
		{"a panic", post(api.PathQuery, `{"line":"panic"}`), 500, "the instance failed at this request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, env := raw(t, path, tt.request)
			if status != tt.status || env.Error == nil || !strings.Contains(env.Error.Text, tt.text) {
				t.Errorf("%d %+v, want %d and %q", status, env.Error, tt.status, tt.text)
			}
		})
	}
	if s, err := client(t, path).Query(t.Context(), "get status"); err != nil || s != "Running (0 users connected using 0 backends)" {
		t.Errorf("served after all that: %q, %v", s, err)
	}
}

func TestOneUsersConnectionsAreBounded(t *testing.T) {
	path := serve(t, control.Options{HeaderTimeout: time.Minute}, &controltest.Instance{})
	var held []net.Conn
	for range 16 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// An answer shows that the place is taken.
		io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
			t.Fatalf("connection %d: %v, %v", len(held), resp, err)
		}
		held = append(held, c)
	}
	status, env := raw(t, path, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
	if status != http.StatusServiceUnavailable || env.Error.Code != api.CodeBusy {
		t.Errorf("connection 17: %d %+v", status, env.Error)
	}
	held[0].Close()
	// The server notices the close in its own time; every answer is one or
	// the other until then.
	deadline := time.Now().Add(10 * time.Second)
	for status != http.StatusOK && time.Now().Before(deadline) {
		status, _ = raw(t, path, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	if status != http.StatusOK {
		t.Error("a closed connection's place stays taken")
	}
}

func TestSlowPeerIsCutOff(t *testing.T) {
	path := serve(t, control.Options{HeaderTimeout: 20 * time.Millisecond}, &controltest.Instance{})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /v1/st")
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("the server waits on: %v", err)
	}
}

func TestRequestHasADeadline(t *testing.T) {
	i := &controltest.Instance{Reloading: func(ctx context.Context) (api.Reload, error) {
		<-ctx.Done()
		return api.Reload{}, ctx.Err()
	}}
	c := client(t, serve(t, control.Options{Deadline: 10 * time.Millisecond}, i))
	_, err := c.Reload(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeTimeout {
		t.Errorf("err = %v, want a timeout", err)
	}
}

func TestSelfMadeSocketIsPrivateAndReplacesOnlyADeadOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 && fi.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second listener: %v", err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	l, err = control.Listen(path)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "no socket is in its place") {
		t.Errorf("over a file: %v", err)
	}
}

func TestClientSaysThatNobodyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if _, err := client(t, path).Status(t.Context()); !errors.Is(err, api.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := client(t, path).Status(t.Context()); !errors.Is(err, api.ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
}

func TestClientRefusesAnotherVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"version":2,"result":{}}`)
	})}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	defer func() { srv.Close(); <-done }()
	if _, err := client(t, path).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "restart the instance after the upgrade") {
		t.Errorf("err = %v", err)
	}
}

func TestAllowKnowsRootAndOurselves(t *testing.T) {
	if err := control.Allow(control.Peer{UID: 0}); err != nil {
		t.Errorf("root: %v", err)
	}
	if err := control.Allow(control.Peer{UID: uint32(os.Geteuid())}); err != nil {
		t.Errorf("ourselves: %v", err)
	}
	err := control.Allow(control.Peer{UID: 4242, Groups: []uint32{4242}})
	if err == nil || !strings.Contains(err.Error(), "user 4242 may not") || !strings.Contains(err.Error(), "spectrum2-admin") {
		t.Errorf("a stranger: %v", err)
	}
}
