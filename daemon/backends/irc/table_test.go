// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestSplitText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"short", "hello", 20, []string{"hello"}},
		{"empty", " \n\r\n ", 20, nil},
		{"lines", "one\ntwo\r\n\r\nthree", 20, []string{"one", "two", "three"}},
		{"words", "aaaa bbbb cccc dddd", 16, []string{"aaaa bbbb cccc", "dddd"}},
		{"word as long as a line", "aaaaaaaaaaaaaaaa b", 16, []string{"aaaaaaaaaaaaaaaa", "b"}},
		{"long word", strings.Repeat("x", 40), 16, []string{strings.Repeat("x", 16), strings.Repeat("x", 16), strings.Repeat("x", 8)}},
		{"two bytes each", strings.Repeat("ü", 10), 17, []string{"üüüüüüüü", "üü"}},
		{"marks stay with their letter", strings.Repeat("a", 15) + "e\u0301b", 16, []string{strings.Repeat("a", 15), "e\u0301b"}},
		{"joined emoji stay whole", strings.Repeat("a", 10) + "👨\u200d👩", 17, []string{strings.Repeat("a", 10), "👨\u200d👩"}},
		{"indentation is kept", "  code", 20, []string{"  code"}},
	} {
		if got := splitText(c.text, c.limit); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSplitTextLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(16, 60).Draw(t, "limit")
		var got strings.Builder
		for _, line := range splitText(text, limit) {
			if len(line) > limit || line == "" || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line %q with limit %d", line, limit)
			}
			if utf8.ValidString(text) && !utf8.ValidString(line) {
				t.Fatalf("line %q is cut inside a character", line)
			}
			got.WriteString(line)
		}
		if squeeze(got.String()) != squeeze(text) {
			t.Fatalf("%q became %q", text, got.String())
		}
	})
}

// squeeze leaves out the spaces, which splitting may remove at its cuts.
func squeeze(s string) string {
	return strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "").Replace(s)
}

func TestCasemap(t *testing.T) {
	for _, c := range []struct {
		m        casemap
		in, want string
	}{
		{"rfc1459", `Nick[\]^`, "nick{|}~"},
		{"", "ABC", "abc"},
		{"strict-rfc1459", `A[\]^`, "a{|}^"},
		{"ascii", `A[\]^Ü`, `a[\]^Ü`},
		{"rfc7613", "ÄB", "äb"},
	} {
		if got := c.m.fold(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.m, got, c.want)
		}
	}
}

func TestParseEndpoint(t *testing.T) {
	for text, want := range map[string]endpoint{
		"irc.example.org":           {"irc.example.org", 6667, false},
		"IRC.example.org:6668":      {"irc.example.org", 6668, false},
		"irc.example.org:6697":      {"irc.example.org", 6697, true},
		"irc.example.org:+7000":     {"irc.example.org", 7000, true},
		" irc.example.org ":         {"irc.example.org", 6667, false},
		"::1":                       {"::1", 6667, false},
		"[2001:db8::1]:+6697":       {"2001:db8::1", 6697, true},
		"bücher.example":            {"bücher.example", 6667, false},
		"":                          {port: -1},
		"a b":                       {port: -1},
		"h:0":                       {port: -1},
		"h:70000":                   {port: -1},
		"h:x":                       {port: -1},
		"-h":                        {port: -1},
		"h/../x":                    {port: -1},
		strings.Repeat("long.", 60): {port: -1},
	} {
		got, err := parseEndpoint(text)
		if want.port == -1 {
			if err == nil {
				t.Errorf("%q was taken as %v", text, got)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: %v (%v), want %v", text, got, err, want)
		}
	}
}

func TestAddressing(t *testing.T) {
	one, many := addressing{single: true}, addressing{}
	for _, c := range []struct {
		a                     addressing
		name, target, network string
	}{
		{one, "#chan", "#chan", ""},
		{one, "nick", "nick", ""},
		{many, "#chan@irc.example.org", "#chan", "irc.example.org"},
		{many, "#a@b@irc.example.org:6697", "#a@b", "irc.example.org:6697"},
		{many, "Nick@IRC.example.org", "Nick", "irc.example.org"},
		{many, "irc.example.org", "", "irc.example.org"},
	} {
		target, network := c.a.split(c.name)
		if target != c.target || network != c.network {
			t.Errorf("%q: %q on %q", c.name, target, network)
		}
		if target != "" && c.a.join(target, network) != strings.ToLower(c.name) {
			t.Errorf("%q does not come together again: %q", c.name, c.a.join(target, network))
		}
	}
}

func TestISupport(t *testing.T) {
	s := newISupport()
	for _, token := range strings.Fields("CASEMAPPING=ascii CHANTYPES=#+ PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,lj,imnpst NICKLEN=16 LINELEN=2048 MONITOR=100 STATUSMSG=@+ ELIST=CMNTU UNKNOWN=1 PREFIX=broken NICKLEN=-5") {
		s.apply(token)
	}
	if s.casemap != "ascii" || s.nickLen != 16 || s.lineLen != 2048 || s.monitor != 100 || !s.isChannel("+x") || s.isChannel("&x") {
		t.Errorf("tokens were not taken over: %+v", s)
	}
	if signs, nick := s.splitSigns("+@nick"); signs != "@+" || nick != "nick" {
		t.Errorf("splitSigns: %q %q", signs, nick)
	}
	if got := s.channelOf("@#chan"); got != "#chan" {
		t.Errorf("channelOf: %q", got)
	}
	got := s.parseModes([]string{"+ov-l+lk-b", "a", "b", "5", "key", "mask"})
	want := []modeChange{{true, 'o', "a"}, {true, 'v', "b"}, {false, 'l', ""}, {true, 'l', "5"}, {true, 'k', "key"}, {false, 'b', "mask"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseModes: %v", got)
	}
}

func TestRoles(t *testing.T) {
	s := newISupport()
	s.apply("PREFIX=(Yqaohv)!~&@%+")
	for signs, want := range map[string]string{
		"!": "MODERATOR OWNER", "~": "MODERATOR OWNER", "&": "MODERATOR ADMIN", "@+": "MODERATOR ADMIN",
		"%": "MODERATOR MEMBER", "+": "PARTICIPANT MEMBER", "": "PARTICIPANT NONE",
	} {
		if got := roleText(s.role(signs, false)); got != want {
			t.Errorf("%q: %s, want %s", signs, got, want)
		}
	}
	if got := roleText(s.role("", true)); got != "VISITOR NONE" {
		t.Errorf("without voice in a moderated channel: %s", got)
	}
}

func roleText(r pbnetwork.Role, a pbnetwork.Affiliation) string {
	return strings.TrimPrefix(r.String(), "ROLE_") + " " + strings.TrimPrefix(a.String(), "AFFILIATION_")
}

func TestMatchMask(t *testing.T) {
	for _, c := range []struct {
		mask, who string
		want      bool
	}{
		{"*!*@*", "a!b@c", true}, {"a!*@*", "a!b@c", true}, {"b!*@*", "a!b@c", false},
		{"*!*@?", "a!b@c", true}, {"*!*@??", "a!b@c", false}, {"", "a", false}, {"**a**", "bab", true},
		{strings.Repeat("*a", 40) + "b", strings.Repeat("a", 2000), false}, // in no time
	} {
		if got := matchMask(c.mask, c.who); got != c.want {
			t.Errorf("%q on %q: %v", c.mask, c.who, got)
		}
	}
}

func TestFormatting(t *testing.T) {
	for _, c := range []struct{ in, text, xhtml string }{
		{"plain <b>", "plain <b>", ""},
		{"\x02bold\x02 <x>", "bold <x>", `<span style="font-weight: bold">bold</span> &lt;x&gt;`},
		{"\x0304red\x03", "red", `<span style="color: #ff0000">red</span>`},
		{"\x034,12x\x0f5", "x5", `<span style="color: #ff0000; background-color: #0000fc">x</span>5`},
		{"\x03041 apple", "1 apple", `<span style="color: #ff0000">1 apple</span>`},
		{"\x04ff8800x", "x", `<span style="color: #ff8800">x</span>`},
		{"\x1d\x1f\x11all", "all", `<span style="font-style: italic; text-decoration: underline; font-family: monospace">all</span>`},
		{"\x00\x07a\x1b\ufffeb\x7f\xff", "ab", ""},
		{"\x03", "", ""},
		{"\x0399,99x", "x", ""},
	} {
		if got := plain(c.in); got != c.text {
			t.Errorf("plain %q: %q", c.in, got)
		}
		if got := xhtml(c.in); got != c.xhtml {
			t.Errorf("xhtml %q: %q", c.in, got)
		}
	}
}

func TestCharset(t *testing.T) {
	var utf charset
	if got := utf.decode([]byte("Gr\xfc\xdfe \x80")); got != "Grüße €" {
		t.Errorf("Latin-1: %q", got)
	}
	if got := string(utf.bytes("a\xffü")); got != "a?ü" {
		t.Errorf("to UTF-8: %q", got)
	}
	koi, err := newCharset("koi8-r")
	if err != nil {
		t.Fatal(err)
	}
	if got := koi.decode(koi.bytes("привет")); got != "привет" || len(koi.bytes("привет")) != 6 {
		t.Errorf("KOI8-R: %q", got)
	}
	if got := string(koi.bytes("a€")); got != "a?" {
		t.Errorf("what KOI8-R lacks: %q", got)
	}
	if _, err := newCharset("nonsense"); err == nil {
		t.Error("an unknown encoding was taken")
	}
}

func TestCandidate(t *testing.T) {
	for _, c := range []struct {
		n, limit int
		want     string
	}{{1, 0, "alice_"}, {2, 0, "alice__"}, {1, 5, "alic_"}, {4, 0, "alice_1"}, {5, 5, "ali_2"}, {24, 3, "_21"}} {
		if got := candidate("alice", c.n, c.limit); got != c.want {
			t.Errorf("%d with %d: %q, want %q", c.n, c.limit, got, c.want)
		}
	}
	if got := candidate("üüü", 1, 4); got != "ü_" {
		t.Errorf("cut inside a character: %q", got)
	}
	for in, want := range map[string]string{"a b": "a_b", "1st": "_1st", "": "", "x!y@z": "x_y_z", "ok|[]": "ok|[]", "#c": "_c"} {
		if got := validNick(in); got != want {
			t.Errorf("validNick(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for n := range 40 {
		low, high := backoff(n, 0), backoff(n, 1)
		if low > high || low < 2*time.Second || high > longestRetry || high < last {
			t.Errorf("try %d: %s to %s", n, low, high)
		}
		last = high
	}
}

func TestPacer(t *testing.T) {
	p := newPacer(2 * time.Second)
	now := time.Unix(1000, 0)
	sent := 0
	for at := now; at.Before(now.Add(time.Minute)); at = at.Add(100 * time.Millisecond) {
		for p.wait(at) == 0 {
			p.spend(at, 40, false)
			sent++
		}
	}
	if sent < 25 || sent > 33 {
		t.Errorf("%d lines in a minute", sent)
	}
	var off pacer
	for range 1000 {
		off.spend(now, 500, false)
	}
	if off.wait(now) != 0 {
		t.Error("it waits without pacing")
	}
}

func TestDialPacingSpreadsAStorm(t *testing.T) {
	var p dialPacing
	now := time.Unix(1000, 0)
	last := time.Duration(0)
	for range 100 {
		last = p.delay("h", now)
	}
	if last < 40*time.Second || last > time.Minute {
		t.Errorf("the hundredth waits %s", last)
	}
	if p.delay("other", now) != 0 {
		t.Error("another host waits too")
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		params []string
		want   string
	}{
		{[]string{"#c", "hello you"}, "X #c :hello you"},
		{[]string{"#c", "x\r\nQUIT"}, "X #c :x QUIT"},
		{[]string{"a\nb", "c"}, ""}, {[]string{"", "c"}, ""}, {[]string{":a", "c"}, ""},
		{[]string{"a", ""}, "X a :"}, {[]string{"a", ":b"}, "X a ::b"}, {nil, "X"},
	} {
		got, err := command("X", c.params...)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: %q, %v", c.params, got, err)
		}
	}
}

func TestSettings(t *testing.T) {
	c := &config.Config{Service: config.Service{VerifyCerts: true}, Sections: map[string]map[string][]string{
		"irc.a.example":      {"tls": {"1"}, "fingerprint": {"SHA256:AA:bb"}, "throttle": {"0.5"}, "sasl": {"plain"}, "after_connect": {"one", "two"}},
		"irc.b.example:7000": {"tls": {"yes"}, "port": {"7001"}, "encoding": {"latin1"}},
		"irc.bad.example":    {"throttle": {"fast"}},
	}}
	a, err := networkSettings(c, []string{"A.example", "a2.example:6668"})
	if err != nil || a.endpoints[0] != (endpoint{"a.example", 6697, true}) || a.endpoints[1] != (endpoint{"a2.example", 6668, true}) ||
		a.perLine != time.Second/2 || a.sasl != "PLAIN" || len(a.afterConnect) != 2 || a.fingerprints[0] != "aabb" {
		t.Errorf("a: %+v, %v", a, err)
	}
	b, err := networkSettings(c, []string{"b.example:7000"})
	if err != nil || b.endpoints[0] != (endpoint{"b.example", 7001, true}) || b.charset.other == nil {
		t.Errorf("b: %+v, %v", b, err)
	}
	if _, err := networkSettings(c, []string{"bad.example"}); err == nil || !strings.Contains(err.Error(), "throttle") {
		t.Errorf("a bad value: %v", err)
	}
	if _, err := networkSettings(c, nil); err == nil {
		t.Error("no server at all was taken")
	}
}

func TestCheckScram(t *testing.T) {
	for message, ok := range map[string]bool{
		"r=abc,s=QSXCR,i=4096": true, "v=xyz": true, "": false, ",,": false, "r=abc,s=a,i=2000000000": false,
		"r=abc,i=-1": false, "r=abc,i=x": false, "abc": false,
	} {
		if err := checkScram([]byte(message)); (err == nil) != ok {
			t.Errorf("%q: %v", message, err)
		}
	}
}
