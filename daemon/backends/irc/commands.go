// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// chatCommand is a command of the network's own. The main process offers them
// as ad-hoc commands and as lines to the transport.
type chatCommand struct {
	name, usage, help string
	// min is how many arguments it needs.
	min int
	// room: its first argument is a channel, by default the one it was typed in.
	room bool
	// run calls reply exactly once, now or later.
	run func(l *link, args []string, reply func(text, err string))
}

func findCommand(name string) *chatCommand {
	name = strings.ToLower(name)
	for i := range commandTable {
		if commandTable[i].name == name {
			return &commandTable[i]
		}
	}
	return nil
}

// helpText lists the commands.
func helpText() string {
	lines := []string{"Commands:"}
	for _, c := range commandTable {
		lines = append(lines, fmt.Sprintf("%s - %s", strings.TrimSpace(c.name+" "+c.usage), c.help))
	}
	return strings.Join(lines, "\n")
}

// Command runs a command of the network's own.
func (s *session) Command(ctx context.Context, room, name string, args []string) (string, error) {
	return s.run(ctx, room, room, name, args)
}

// run finds the network: that of the address it was typed to, the one that the
// first argument names, or the only one.
func (s *session) run(ctx context.Context, to, room, name string, args []string) (string, error) {
	c := findCommand(strings.TrimPrefix(name, "/"))
	if strings.EqualFold(strings.TrimPrefix(name, "/"), "help") {
		return helpText(), nil
	}
	if c == nil {
		return "", fmt.Errorf("there is no command %q; help lists them", name)
	}
	l, args, err := s.commandLink(to, args)
	if err != nil {
		return "", err
	}
	if c.room {
		if target, _ := s.network.addr.split(room); s.isRoom(target, "") && (len(args) == 0 || !s.isRoom(args[0], "")) {
			args = append([]string{target}, args...)
		}
	}
	if len(args) < c.min {
		return "", fmt.Errorf("usage: %s %s", c.name, c.usage)
	}
	return runOn(ctx, l, c, args)
}

// runOn has the link carry a command out and waits for its answer.
func runOn(ctx context.Context, l *link, c *chatCommand, args []string) (string, error) {
	type outcome struct{ text, err string }
	answer := make(chan outcome, 1)
	err := l.post(ctx, func(l *link) {
		c.run(l, args, func(text, err string) { answer <- outcome{text, err} })
	})
	if err != nil {
		return "", err
	}
	select {
	case o := <-answer:
		if o.err != "" {
			return "", errors.New(o.err)
		}
		return o.text, nil
	case <-l.done:
		select {
		case o := <-answer:
			return o.text, nil
		default:
			return "", errEnded
		}
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *session) commandLink(to string, args []string) (*link, []string, error) {
	if _, network := s.network.addr.split(to); to != "" {
		if l := s.linkOf(network); l != nil {
			return l, args, nil
		}
	}
	if len(args) > 0 && !s.network.addr.single {
		if l := s.linkOf(strings.ToLower(args[0])); l != nil {
			return l, args[1:], nil
		}
	}
	links := s.all()
	switch len(links) {
	case 1:
		return links[0], args, nil
	case 0:
		return nil, nil, errors.New("you are not connected to any network: join a room first")
	}
	var names []string
	for _, l := range links {
		names = append(names, l.network)
	}
	return nil, nil, fmt.Errorf("which network? name it first: %s", strings.Join(names, ", "))
}
