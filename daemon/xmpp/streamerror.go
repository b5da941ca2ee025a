// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

// Conditions of stream errors (RFC 6120 §4.9.3) that this layer uses.
const (
	BadFormat          = "bad-format"
	BadNamespacePrefix = "bad-namespace-prefix"
	ConflictStream     = "conflict"
	ConnectionTimeout  = "connection-timeout"
	HostUnknown        = "host-unknown"
	InvalidFrom        = "invalid-from"
	InvalidNamespace   = "invalid-namespace"
	NotAuthorizedEnd   = "not-authorized"
	NotWellFormed      = "not-well-formed"
	PolicyViolation    = "policy-violation"
	Reset              = "reset"
	RestrictedXML      = "restricted-xml"
	SystemShutdown     = "system-shutdown"
	UnsupportedStanza  = "unsupported-stanza-type"
	UnsupportedVersion = "unsupported-version"
)

// StreamError ends a stream (RFC 6120 §4.9): sent by the peer, or to be sent
// to him because of what he sent.
type StreamError struct {
	Condition string
	// Text is for people; it never holds what the peer sent.
	Text string
	// App is the application's own condition (RFC 6120 §4.9.4); may be nil.
	App *Element
}

func (e *StreamError) Error() string {
	if e.Text == "" {
		return "stream error " + e.Condition
	}
	return "stream error " + e.Condition + ": " + e.Text
}

// Element is the error as it goes over the stream.
func (e *StreamError) Element() *Element {
	el := New(NSStream, "error").Add(New(NSStreams, e.Condition))
	if e.Text != "" {
		el.Add(NewText(NSStreams, "text", e.Text))
	}
	return el.Add(e.App)
}

// StreamErrorOf reads <stream:error/>; nil if e is something else.
func StreamErrorOf(e *Element) *StreamError {
	if !e.Is(NSStream, "error") {
		return nil
	}
	se := &StreamError{Condition: "undefined-condition", Text: e.ChildText(NSStreams, "text")}
	for c := range e.Children() {
		if c.Space == NSStreams && c.Name != "text" {
			se.Condition = c.Name
			break
		}
	}
	return se
}

// BadStanza is a stanza that was skipped while its stream goes on: too large,
// too deep, or with prefixes or attributes that cannot be. Decoder.Next
// returns it as an error; the next call reads on.
type BadStanza struct {
	// Stanza has the name and the attributes of what was skipped, as far as
	// they could be read, and no children; nil where not even its start tag
	// could be. ErrorReply answers it.
	Stanza *Element
	// Condition is the stanza error (RFC 6120 §8.3.3) to answer with.
	Condition string
	Text      string
}

func (e *BadStanza) Error() string { return "bad stanza: " + e.Condition + ": " + e.Text }
