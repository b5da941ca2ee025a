// SPDX-License-Identifier: GPL-2.0-or-later

package template

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Command runs the network's own commands: roll [SIDES] throws a die, drop
// ends the session as a network does that fails.
func (s *session) Command(_ context.Context, _, name string, args []string) (string, error) {
	switch name {
	case "roll":
		return roll(args)
	case "drop":
		select {
		case s.dropped <- struct{}{}:
		default: // it is ending already
		}
		return "The connection will be dropped.", nil
	}
	return "", fmt.Errorf("there is no command %q: try roll or drop", name)
}

func roll(args []string) (string, error) {
	sides := 6
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 2 || n > 1000 {
			return "", fmt.Errorf("a die has 2 to 1000 sides, not %q", args[0])
		}
		sides = n
	}
	return fmt.Sprintf("You rolled %d.", 1+rand.IntN(sides)), nil
}
