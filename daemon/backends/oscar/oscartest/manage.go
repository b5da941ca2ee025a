// SPDX-License-Identifier: GPL-2.0-or-later

package oscartest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// AddAccount makes an account; a name of digits becomes an ICQ number.
func (s *Server) AddAccount(name, password string) {
	s.t.Helper()
	s.must("POST", "/user", map[string]string{"screen_name": name, "password": password})
}

// SetPassword changes an account's password; who is logged in stays.
func (s *Server) SetPassword(name, password string) {
	s.t.Helper()
	s.must("PUT", "/user/password", map[string]string{"screen_name": name, "password": password})
}

// Suspend closes an account for logins (or opens it again).
func (s *Server) Suspend(name string, suspended bool) {
	s.t.Helper()
	status := ""
	if suspended {
		status = "suspended"
	}
	s.must("PATCH", "/user/"+url.PathEscape(name)+"/account", map[string]string{"suspended_status": status})
}

// Kick ends all sessions of an account.
func (s *Server) Kick(name string) {
	s.t.Helper()
	s.must("DELETE", "/session/"+url.PathEscape(name), nil)
}

// Online reports whether an account is logged in.
func (s *Server) Online(name string) bool {
	s.t.Helper()
	status, _ := s.ask("GET", "/session/"+url.PathEscape(name), nil)
	return status == http.StatusOK
}

// Say sends a message from one account to another, as if it were logged in.
func (s *Server) Say(from, to, text string) {
	s.t.Helper()
	s.must("POST", "/instant-message", map[string]string{"from": from, "to": to, "text": text})
}

// SetICQ sets what an ICQ number tells about itself; profile is the JSON of the
// server's management API: {"basic_info": {"nickname": …}, …}.
func (s *Server) SetICQ(uin string, profile any) {
	s.t.Helper()
	s.must("PUT", "/user/"+uin+"/icq", profile)
}

// ICQ is one part of what an ICQ number tells about itself, in the form of
// SetICQ: basic_info, more_info, notes.
func (s *Server) ICQ(uin, part string) any {
	s.t.Helper()
	var all map[string]any
	s.get("/user/"+uin+"/icq", &all)
	return all[part]
}

// Account is what the server knows about an account: profile, email_address.
func (s *Server) Account(name string) map[string]any {
	s.t.Helper()
	var account map[string]any
	s.get("/user/"+url.PathEscape(name)+"/account", &account)
	return account
}

// Icon is an account's buddy icon, nil where it has none.
func (s *Server) Icon(name string) []byte {
	s.t.Helper()
	status, body := s.ask("GET", "/user/"+url.PathEscape(name)+"/icon", nil)
	if status != http.StatusOK {
		return nil
	}
	return body
}

// AddPublicRoom makes a chat room of exchange 5, which users cannot make.
func (s *Server) AddPublicRoom(name string) {
	s.t.Helper()
	s.must("POST", "/chat/room/public", map[string]string{"name": name})
}

// get takes a JSON answer.
func (s *Server) get(path string, into any) {
	s.t.Helper()
	if err := json.Unmarshal(s.must("GET", path, nil), into); err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
}

func (s *Server) must(method, path string, body any) []byte {
	s.t.Helper()
	status, answer := s.ask(method, path, body)
	if status/100 != 2 && status != http.StatusNotModified {
		s.t.Fatalf("open-oscar-server refuses %s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// ask calls the management API.
func (s *Server) ask(method, path string, body any) (status int, answer []byte) {
	s.t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			s.t.Fatalf("encode for %s: %v", path, err)
		}
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, fmt.Sprintf("http://%s:%d%s", Host, s.api, path), &content)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, answer
}
