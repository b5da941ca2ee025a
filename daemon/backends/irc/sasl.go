// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"mellium.im/sasl"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// saslExchange is an authentication under way (IRCv3 sasl-3.2).
type saslExchange struct {
	// left are the mechanisms to try, the current one first.
	left []string
	// client is nil for EXTERNAL, which has nothing to say.
	client    *sasl.Negotiator
	challenge []byte
	started   bool
	done      bool
}

const (
	// saslChunk is how much of a message one AUTHENTICATE line carries.
	saslChunk = 400
	// maxChallenge and maxIterations bound what a server may ask for.
	maxChallenge  = 8 << 10
	maxIterations = 500_000
)

func (x *saslExchange) open() bool { return x != nil && !x.done }

// wantSASL reports whether there is anything to authenticate with.
func (l *link) wantSASL() bool {
	return l.settings.sasl != "off" && len(l.mechanisms("")) > 0
}

// mechanisms are the ones to try, best first. offered is the capability's
// value, "" where the server did not say.
func (l *link) mechanisms(offered string) []string {
	var out []string
	usable := func(name string) bool {
		if name == "EXTERNAL" {
			return l.settings.clientCert != "" && l.server.tls != ""
		}
		return l.id.password != "" && l.id.account != "" && !l.many
	}
	known := []string{"EXTERNAL", "SCRAM-SHA-256", "PLAIN"}
	if l.settings.sasl != "" {
		known = []string{l.settings.sasl}
	}
	for _, name := range known {
		there := offered == "" || slices.Contains(strings.Split(strings.ToUpper(offered), ","), name)
		if there && usable(name) && slices.Contains([]string{"EXTERNAL", "SCRAM-SHA-256", "PLAIN"}, name) {
			out = append(out, name)
		}
	}
	if offered == "" && len(out) > 1 { // an older server: what all of them know
		out = slices.DeleteFunc(out, func(n string) bool { return n == "SCRAM-SHA-256" })
	}
	return out
}

func (l *link) startSASL() {
	x := &saslExchange{left: l.mechanisms(l.server.caps.offered["sasl"])}
	l.server.sasl = x
	l.trySASL()
}

// trySASL begins with the first mechanism that is left.
func (l *link) trySASL() {
	x := l.server.sasl
	if len(x.left) == 0 {
		x.done = true
		return
	}
	x.client, x.challenge, x.started = nil, nil, false
	credentials := sasl.Credentials(func() (user, password, identity []byte) {
		return []byte(l.id.account), []byte(l.id.password), nil
	})
	switch x.left[0] {
	case "PLAIN":
		x.client = sasl.NewClient(sasl.Plain, credentials)
	case "SCRAM-SHA-256":
		x.client = sasl.NewClient(sasl.ScramSha256, credentials)
	}
	l.say(urgent, "AUTHENTICATE", x.left[0])
}

func (l *link) onAuthenticate(in *incoming) {
	x := l.server.sasl
	if !x.open() || len(x.left) == 0 {
		return
	}
	part := in.param(0)
	if part != "+" {
		x.challenge = append(x.challenge, part...)
		if len(x.challenge) > maxChallenge {
			l.abortSASL()
			return
		}
		if len(part) == saslChunk {
			return // more follows
		}
	}
	challenge, err := base64.StdEncoding.DecodeString(string(x.challenge))
	x.challenge = nil
	if err != nil {
		l.abortSASL()
		return
	}
	answer, err := x.step(challenge)
	if err != nil {
		l.abortSASL()
		return
	}
	l.authenticate(answer)
}

// step gives the answer to a challenge.
func (x *saslExchange) step(challenge []byte) ([]byte, error) {
	if x.client == nil {
		return nil, nil
	}
	if x.started && x.left[0] != "PLAIN" {
		if err := checkScram(challenge); err != nil {
			return nil, err
		}
	} else if x.started {
		return nil, errors.New("too many steps")
	}
	x.started = true
	_, answer, err := x.client.Step(challenge)
	if err != nil {
		x.client = nil // it must not be used again
		x.left[0] = "failed"
		return nil, err
	}
	return answer, nil
}

// checkScram looks at a SCRAM message (RFC 5802 §7) before the library does,
// which would loop for ever on an empty attribute and compute for ever on a
// large iteration count.
func checkScram(message []byte) error {
	for field := range bytes.SplitSeq(message, []byte{','}) {
		if len(field) < 3 || field[1] != '=' {
			return errors.New("malformed SCRAM attribute")
		}
		if field[0] != 'i' {
			continue
		}
		if n, err := strconv.Atoi(string(field[2:])); err != nil || n < 1 || n > maxIterations {
			return errors.New("unacceptable SCRAM iteration count")
		}
	}
	return nil
}

// authenticate sends an answer in chunks.
func (l *link) authenticate(answer []byte) {
	text := base64.StdEncoding.EncodeToString(answer)
	for len(text) >= saslChunk {
		l.say(urgent, "AUTHENTICATE", text[:saslChunk])
		text = text[saslChunk:]
	}
	if text == "" {
		text = "+"
	}
	l.say(urgent, "AUTHENTICATE", text)
}

// abortSASL breaks the exchange off; the server answers with 906.
func (l *link) abortSASL() { l.say(urgent, "AUTHENTICATE", "*") }

func (l *link) onSASLDone(*incoming) {
	if x := l.server.sasl; x.open() {
		if len(x.left) > 0 && x.left[0] == "EXTERNAL" {
			l.server.shared = true
		} else if len(x.left) > 0 {
			l.server.proved = true
		}
		x.done = true
		if l.server.account == "" {
			l.server.account = l.id.account
		}
		l.endCaps()
	}
}

// onSASLFailed tries the next mechanism (an account may lack what SCRAM
// needs). With none left a first login has failed; later on the services may
// be at fault, and the user goes on unauthenticated and is told.
func (l *link) onSASLFailed(in *incoming) {
	x := l.server.sasl
	if !x.open() || l.phase != registering {
		return
	}
	if len(x.left) > 0 {
		x.left = x.left[1:]
	}
	if len(x.left) > 0 {
		l.trySASL()
		return
	}
	x.done = true
	if noAccount.MatchString(plain(in.last())) {
		l.log.Info("the nick is nobody's account on the network", "nick", l.id.nick)
		l.server.stranger = true
		l.endCaps()
		return
	}
	if !l.welcomed {
		l.fatal(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, "The network refused the login: "+plain(in.last()))
		return
	}
	l.tell("The network refused the login: " + in.last())
	l.endCaps()
}

func (l *link) onLoggedIn(in *incoming) { // 900 nick nick!user@host account :text
	if in.param(2) != "" {
		l.setAccount(in.param(2))
	}
}

// onAccount follows the accounts of others too; only the user's own matters
// here.
func (l *link) onAccount(in *incoming) {
	if !l.server.is(in.nick, l.server.nick) {
		return
	}
	account := in.param(0)
	if account == "*" {
		account = ""
	}
	l.setAccount(account)
}

// setAccount takes over what the network says about who the user is.
func (l *link) setAccount(account string) {
	was, before := l.server.proved, l.server.account
	l.server.account = account
	// During SASL it is success that counts, and which mechanism had it.
	if l.phase >= entering {
		l.server.proved = account != "" && !l.server.shared &&
			(was && l.server.is(account, before) || l.server.identifying && l.server.named || l.server.is(account, l.id.account))
	}
	switch {
	case l.server.identifying && account != "":
		l.identified()
	case l.phase == online && was != l.server.proved:
		l.announce()
	}
}
