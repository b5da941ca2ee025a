// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/control/api"
)

// Options of a server; the zero value is what an instance wants.
type Options struct {
	// Allow decides who may ask; nil is the function Allow.
	Allow func(Peer) error
	// Deadline for one request; 0 is one minute.
	Deadline time.Duration
	// HeaderTimeout is how long a client may take to send a request; 0 is 5 s.
	HeaderTimeout time.Duration
}

// Serve answers on l until ctx ends, then gives the requests under way three
// seconds, and closes l. The error is nil when ctx ended.
func Serve(ctx context.Context, l net.Listener, i Instance, log *slog.Logger) error {
	return Options{}.Serve(ctx, l, i, log)
}

// Serve is the function Serve with these options.
func (o Options) Serve(ctx context.Context, l net.Listener, i Instance, log *slog.Logger) error {
	if o.Allow == nil {
		o.Allow = Allow
	}
	o.Deadline = orDefault(o.Deadline, time.Minute)
	o.HeaderTimeout = orDefault(o.HeaderTimeout, 5*time.Second)
	// Requests end with the server, not at the moment it is told to stop.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler:           (&handler{instance: i, log: log, deadline: o.Deadline}).routes(),
		ReadHeaderTimeout: o.HeaderTimeout,
		ReadTimeout:       2 * o.HeaderTimeout,
		WriteTimeout:      o.Deadline + 10*time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withCaller,
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(&conns{Listener: l, allow: o.Allow, log: log, open: map[uint32]int{}}) }()
	select {
	case err := <-served:
		srv.Close()
		return fmt.Errorf("serve the control socket: %w", err)
	case <-ctx.Done():
	}
	shut, stop := context.WithTimeout(base, 3*time.Second)
	defer stop()
	if err := srv.Shutdown(shut); err != nil {
		cancel()
		srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the control socket: %w", err)
	}
	return nil
}

func orDefault(d, other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return d
}

// handler answers the requests.
type handler struct {
	instance Instance
	log      *slog.Logger
	deadline time.Duration
	// lastReload is for whoever had systemd reload, which carries no answer.
	lastReload atomic.Pointer[api.LastReload]
}

// routes is the table of requests, behind the check of the caller.
func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathStatus, h.status)
	mux.HandleFunc("GET "+api.PathUsers, h.users)
	mux.HandleFunc("GET "+api.PathBackends, h.backends)
	mux.HandleFunc("POST "+api.PathQuery, h.query)
	mux.HandleFunc("POST "+api.PathReload, h.reload)
	mux.HandleFunc("POST "+api.PathRegistrations, h.register)
	mux.HandleFunc("DELETE "+api.PathRegistrations+"/{jid}", h.unregister)
	mux.HandleFunc("GET "+api.PathSessions, h.sessions)
	mux.HandleFunc("POST "+api.PathSessionsEnd, h.endSession)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, &api.Error{Code: api.CodeNotFound, Text: fmt.Sprintf(
			"%.20q of %.100q is no request of version %d of the control API", r.Method, r.URL.Path, api.Version)})
	})
	return h.guard(mux)
}

// guard refuses who may not ask, and bounds what the others ask.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(peerKey{}).(caller)
		switch {
		case c.refused != nil:
			w.Header().Set("Connection", "close")
			h.log.Warn("control request refused", "uid", c.peer.UID, "pid", c.peer.PID)
			h.fail(w, r, &api.Error{Code: api.CodeNotPermitted, Text: c.refused.Error()})
			return
		case c.busy:
			w.Header().Set("Connection", "close")
			h.fail(w, r, &api.Error{Code: api.CodeBusy, Text: fmt.Sprintf(
				"%s has %d connections to this control socket open: close one first", userName(c.peer.UID), maxConnsPerUser)})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), h.deadline)
		defer cancel()
		defer h.recover(w, r)
		r.Body = http.MaxBytesReader(w, r.Body, api.MaxRequest)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// recover keeps a panic in one request from ending more than that request.
func (h *handler) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	h.log.Error("control request panicked", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	h.fail(w, r, &api.Error{Code: api.CodeFailed, Text: "the instance failed at this request; its log has the stack"})
}
