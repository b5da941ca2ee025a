// SPDX-License-Identifier: GPL-2.0-or-later

package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// number makes a read-only variable out of a count.
func number(name, text, category, label string, get func() int) *Entry {
	return &Entry{Name: name, Text: text, Category: category, Label: label, Access: ForAdmin, Scope: Global,
		Get: func(context.Context, Caller) (string, error) { return strconv.Itoa(get()), nil }}
}

// perBackend makes a variable with one line for each backend.
func (t *Table) perBackend(name, text, category, label string, get func(Backend) int) *Entry {
	return &Entry{Name: name, Text: text, Category: category, Label: label, Access: ForAdmin, Scope: Global,
		Get: func(context.Context, Caller) (string, error) {
			var lines []string
			for i, b := range t.instance.Backends() {
				lines = append(lines, fmt.Sprintf("Backend %d (ID=%d): %d", i+1, b.PID, get(b)))
			}
			return strings.Join(lines, "\n"), nil
		}}
}

func (t *Table) counters() []*Entry {
	return []*Entry{
		number("messages_from_xmpp", "Shows number of messages received from XMPP users.", "Messages", "Messages from XMPP users", func() int {
			from, _ := t.instance.Messages()
			return int(from)
		}),
		number("messages_to_xmpp", "Shows number of messages sent to XMPP users.", "Messages", "Messages sent to XMPP users", func() int {
			_, to := t.instance.Messages()
			return int(to)
		}),
		number("backends_count", "Shows number of active backends.", "Backends", "Backends count", func() int { return len(t.instance.Backends()) }),
		t.perBackend("online_users_per_backend", "Shows number of online users per backend.", "Backends", "Online users per backend", func(b Backend) int { return b.Users }),
		{Name: "crashed_backends", Text: "Shows IDs of crashed backends.", Category: "Backends", Label: "Crashed backends", Access: ForAdmin, Scope: Global,
			Get: func(context.Context, Caller) (string, error) {
				return strings.Join(t.instance.CrashedBackends(), "\n"), nil
			}},
		number("crashed_backends_count", "Shows number of crashed backends.", "Backends", "Crashed backends count", func() int { return len(t.instance.CrashedBackends()) }),
	}
}

func (t *Table) memory() []*Entry {
	resident := func() int { r, _ := t.instance.Memory(); return r }
	shared := func() int { _, s := t.instance.Memory(); return s }
	return []*Entry{
		number("res_memory", "Shows memory resident in RAM of the whole instance in KB.", "Memory", "Resident memory", func() int {
			return resident() + t.sum(func(b Backend) int { return b.Resident })
		}),
		t.perBackend("res_memory_per_backend", "Shows memory resident in RAM of each backend in KB.", "Memory", "Resident memory per backend", func(b Backend) int { return b.Resident }),
		number("shr_memory", "Shows shared memory of the whole instance in KB.", "Memory", "Shared memory", func() int {
			return shared() + t.sum(func(b Backend) int { return b.Shared })
		}),
		t.perBackend("shr_memory_per_backend", "Shows shared memory of each backend in KB.", "Memory", "Shared memory per backend", func(b Backend) int { return b.Shared }),
		number("used_memory", "Shows memory used by the whole instance, without what is shared, in KB.", "Memory", "Used memory", func() int {
			return resident() - shared() + t.sum(Backend.used)
		}),
		t.perBackend("used_memory_per_backend", "Shows memory used by each backend, without what is shared, in KB.", "Memory", "Used memory per backend", Backend.used),
		number("average_memory_per_user", "Shows average memory per user in KB.", "Memory", "Average memory per user", t.averageMemory),
		t.perBackend("average_memory_per_user_per_backend", "Shows average memory per user of each backend in KB.", "Memory", "Average memory per user per backend", func(b Backend) int {
			if b.Users == 0 {
				return 0
			}
			return max(0, b.Resident-b.Initial) / b.Users
		}),
	}
}

func (b Backend) used() int { return b.Resident - b.Shared }

func (t *Table) sum(get func(Backend) int) int {
	total := 0
	for _, b := range t.instance.Backends() {
		total += get(b)
	}
	return total
}

// averageMemory counts what the backends have grown by since their start.
func (t *Table) averageMemory() int {
	users := t.sum(func(b Backend) int { return b.Users })
	if users == 0 {
		return 0
	}
	return t.sum(func(b Backend) int { return max(0, b.Resident-b.Initial) }) / users
}
