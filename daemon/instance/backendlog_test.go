// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestBackendLineBecomesMessageAndAttributes(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`msg="logged in" user=romeo@localhost`, `msg="logged in" user=romeo@localhost backend=7`},
		{`msg=ready`, `msg=ready backend=7`},
		{`msg="a \"b\"" text="c=d e"`, `msg="a \"b\"" text="c=d e" backend=7`},
		{`msg=x backend=1 instance=other part=xmpp user=u`, `msg=x user=u backend=7`},
		// Not the SDK's lines: as they are.
		{`panic: boom`, `msg="panic: boom" backend=7`},
		{`msg=x lonely`, `msg="msg=x lonely" backend=7`},
		{`msg="x" BAD=1`, `msg="msg=\"x\" BAD=1" backend=7`},
		{`msg="open`, `msg="msg=\"open" backend=7`},
		{`msg=x "=1`, `msg="msg=x \"=1" backend=7`},
		{`msg=x` + strings.Repeat(` k=v`, 21), `msg="msg=x` + strings.Repeat(` k=v`, 21) + `" backend=7`},
	} {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
		backendLine(log)(7, slog.LevelInfo, c.line)
		if got := strings.TrimSpace(out.String()); got != c.want {
			t.Errorf("%s\n gives %s\n not   %s", c.line, got, c.want)
		}
	}
}

// FuzzBackendLine: whatever a backend writes, the line is logged and says which
// backend it is of.
func FuzzBackendLine(f *testing.F) {
	f.Add(`msg="logged in" user=romeo@localhost`)
	f.Add(`msg=x backend=1`)
	f.Fuzz(func(t *testing.T, line string) {
		var out bytes.Buffer
		backendLine(slog.New(slog.NewTextHandler(&out, nil)))(7, slog.LevelInfo, line)
		if !strings.HasSuffix(out.String(), " backend=7\n") {
			t.Errorf("%q is logged as %q", line, out.String())
		}
	})
}
