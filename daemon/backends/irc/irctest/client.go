// SPDX-License-Identifier: GPL-2.0-or-later

package irctest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Client is the other user: a bare IRC client that says what a test has it
// say.
type Client struct {
	Nick string

	t     testing.TB
	conn  net.Conn
	lines chan string
	seen  []string
	write sync.Mutex
}

// patience is how long a line is waited for.
const patience = 20 * time.Second

// Dial connects to a server (host:port) and logs in under the nick.
func Dial(t testing.TB, addr, nick string, before ...string) *Client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatalf("connect %s: %v", nick, err)
	}
	c := &Client{Nick: nick, t: t, conn: conn, lines: make(chan string, 4096)}
	t.Cleanup(c.Close)
	go c.read()
	for _, line := range before {
		c.Send("%s", line)
	}
	c.Send("NICK %s", nick)
	c.Send("USER %s 0 * :%s of the test", nick, nick)
	c.Expect(" 001 ")
	return c
}

func (c *Client) read() {
	defer close(c.lines)
	in := bufio.NewScanner(c.conn)
	for in.Scan() {
		line := strings.TrimRight(in.Text(), "\r")
		if rest, ok := strings.CutPrefix(line, "PING "); ok {
			c.put("PONG " + rest)
			continue
		}
		c.lines <- line
	}
}

func (c *Client) put(line string) error {
	c.write.Lock()
	defer c.write.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.conn.Write([]byte(line + "\r\n"))
	return err
}

// Send writes a line.
func (c *Client) Send(format string, args ...any) {
	c.t.Helper()
	if err := c.put(fmt.Sprintf(format, args...)); err != nil {
		c.t.Fatalf("%s cannot write: %v", c.Nick, err)
	}
}

// Expect returns the next line that contains all the parts; what comes before
// it is passed over.
func (c *Client) Expect(parts ...string) string {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("%s was disconnected while waiting for %q; last lines:\n%s", c.Nick, parts, c.last())
			}
			c.seen = append(c.seen, line)
			if containsAll(line, parts) {
				return line
			}
		case <-timeout:
			c.t.Fatalf("%s saw no line with %q; last lines:\n%s", c.Nick, parts, c.last())
		}
	}
}

func (c *Client) last() string { return strings.Join(c.seen[max(0, len(c.seen)-15):], "\n") }

func containsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

// Join enters a channel and waits until it is in.
func (c *Client) Join(channel string) {
	c.t.Helper()
	c.Send("JOIN %s", channel)
	c.Expect(" 366 ", channel)
}

// Say sends a message to a channel or nick.
func (c *Client) Say(target, text string) { c.t.Helper(); c.Send("PRIVMSG %s :%s", target, text) }

// Sync returns once the server has worked through all that was sent.
func (c *Client) Sync() {
	c.t.Helper()
	c.Send("PING :sync-%s", c.Nick)
	c.Expect("PONG", "sync-"+c.Nick)
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// Seen is every line that Expect has taken so far.
func (c *Client) Seen() string { return strings.Join(c.seen, "\n") }
