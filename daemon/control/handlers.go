// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/control/api"
)

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	s := h.instance.Status(r.Context())
	s.LastReload = h.lastReload.Load()
	answer(h, w, r, s, nil)
}

func (h *handler) backends(w http.ResponseWriter, r *http.Request) {
	list := h.instance.Backends(r.Context())
	slices.SortFunc(list, func(a, b api.Backend) int { return cmp.Compare(a.ID, b.ID) })
	if list == nil {
		list = []api.Backend{}
	}
	answer(h, w, r, list, nil)
}

func (h *handler) users(w http.ResponseWriter, r *http.Request) {
	after, limit, err := h.part(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	users, next := cut(h.instance.Users(r.Context()), func(u api.User) string { return u.JID }, after, limit)
	answer(h, w, r, api.UserPage{Users: users, Next: next}, nil)
}

// part is which part of a list a request wants.
func (h *handler) part(r *http.Request) (after string, limit int, fail *api.Error) {
	q := r.URL.Query()
	limit = api.MaxPage
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > api.MaxPage {
			return "", 0, badRequest("limit has to be a number from 1 to %d, not %.20q", api.MaxPage, s)
		}
		limit = n
	}
	return q.Get("after"), limit, nil
}

// cut cuts at most limit of the list after the given JID out of all; next is
// where the rest begins, "" if there is none.
func cut[T any](all []T, jid func(T) string, after string, limit int) (list []T, next string) {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(jid(a), jid(b)) })
	first := sort.Search(len(all), func(i int) bool { return jid(all[i]) > after })
	list = all[first:]
	if len(list) > limit {
		list = list[:limit]
		next = jid(list[limit-1])
	}
	if list == nil {
		list = []T{}
	}
	return list, next
}

func (h *handler) query(w http.ResponseWriter, r *http.Request) {
	var q api.Query
	if !h.read(w, r, &q) {
		return
	}
	if strings.TrimSpace(q.Line) == "" {
		h.fail(w, r, badRequest(`the line is empty: "help" lists what can be asked`))
		return
	}
	if strings.ContainsAny(q.Line, "\r\n\x00") {
		h.fail(w, r, badRequest("an administrator's line is one line"))
		return
	}
	text, err := h.instance.Query(r.Context(), q.Line)
	answer(h, w, r, api.Answer{Text: text}, err)
}

func (h *handler) reload(w http.ResponseWriter, r *http.Request) {
	if !h.takeCredentials(w, r) {
		return
	}
	res, err := h.instance.Reload(r.Context())
	last := &api.LastReload{At: time.Now()}
	if err != nil {
		last.Error = asError(err)
	} else {
		last.Result = &res
	}
	h.lastReload.Store(last)
	answer(h, w, r, res, err)
}

func (h *handler) register(w http.ResponseWriter, r *http.Request) {
	var reg api.Registration
	if !h.read(w, r, &reg) {
		return
	}
	if reg.JID == "" || reg.LegacyName == "" {
		h.fail(w, r, badRequest("a registration needs the user's JID and his name on the legacy network"))
		return
	}
	answer(h, w, r, api.None{}, h.instance.Register(r.Context(), reg))
}

func (h *handler) unregister(w http.ResponseWriter, r *http.Request) {
	answer(h, w, r, api.None{}, h.instance.Unregister(r.Context(), r.PathValue("jid")))
}

// read decodes the request's body, or answers why it cannot.
func (h *handler) read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(r.Body)
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	var tooLong *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLong):
		h.fail(w, r, &api.Error{Code: api.CodeTooLarge, Text: fmt.Sprintf("the request is longer than %d bytes", tooLong.Limit)})
	case errors.Is(err, io.EOF):
		h.fail(w, r, badRequest("the request has no body"))
	default:
		h.fail(w, r, badRequest("the request is not the JSON that %s wants: %v", r.URL.Path, err))
	}
	return false
}

func badRequest(format string, args ...any) *api.Error {
	return &api.Error{Code: api.CodeBadRequest, Text: fmt.Sprintf(format, args...)}
}

// answer sends the result, or the error if there is one.
func answer[T any](h *handler, w http.ResponseWriter, r *http.Request, result T, err error) {
	if err != nil {
		h.fail(w, r, asError(err))
		return
	}
	send(h, w, http.StatusOK, api.Envelope[T]{Version: api.Version, Result: &result})
}

// asError gives an error of the instance its code.
func asError(err error) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return &api.Error{Code: e.Code, Text: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &api.Error{Code: api.CodeTimeout, Text: "the instance did not finish in time: " + err.Error()}
	case errors.Is(err, context.Canceled):
		return &api.Error{Code: api.CodeUnavailable, Text: "the instance is stopping"}
	}
	return &api.Error{Code: api.CodeFailed, Text: err.Error()}
}

// fail sends an error.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, e *api.Error) {
	h.log.Debug("control request failed", "path", r.URL.Path, "code", e.Code)
	send(h, w, e.HTTPStatus(), api.Envelope[api.None]{Version: api.Version, Error: e})
}

func send[T any](h *handler, w http.ResponseWriter, status int, env api.Envelope[T]) {
	b, err := json.Marshal(env)
	if err != nil {
		h.log.Error("control answer cannot be encoded", "err", err)
		http.Error(w, "answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		h.log.Debug("control answer not delivered", "err", err)
	}
}
