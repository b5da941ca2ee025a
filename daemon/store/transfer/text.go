// SPDX-License-Identifier: GPL-2.0-or-later

package transfer

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// text is a string of any bytes. JSON has no other text than Unicode, and old
// databases have names and passwords in other encodings: those stand as
// {"base64":"..."}.
type text string

type encoded struct {
	Base64 []byte `json:"base64"`
}

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(encoded{[]byte(t)})
}

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var e encoded
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		*t = text(e.Base64)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read a text: %w", err)
	}
	*t = text(s)
	return nil
}

func texts(m map[string]string) map[string]text {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]text, len(m))
	for k, v := range m {
		out[k] = text(v)
	}
	return out
}

func plain(m map[string]text) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}
