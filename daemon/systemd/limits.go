// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limit is one resource limit of a scope: a unit property with its value, a
// uint64 or, for a share of what the machine has, a uint32 out of
// math.MaxUint32, as systemd's D-Bus API wants them.
type Limit struct {
	Property string
	Value    any
}

// limits are the keys of [scope] and how their values are read.
var limits = []struct {
	name, property string
	parse          func(property, text string) (Limit, error)
}{
	{"memory_max", "MemoryMax", parseSize},
	{"memory_high", "MemoryHigh", parseSize},
	{"tasks_max", "TasksMax", parseCount},
	{"cpu_weight", "CPUWeight", parseWeight},
}

// LimitNames are the configuration keys of [scope], in a fixed order.
func LimitNames() []string {
	names := make([]string, len(limits))
	for i, l := range limits {
		names[i] = l.name
	}
	return names
}

// ParseLimits reads limits in systemd's notation ("200M", "80%", "infinity",
// see systemd.resource-control(5)) by configuration key. Empty ones are left
// out; an unknown key or a bad value is an error that names it.
func ParseLimits(values map[string]string) ([]Limit, error) {
	var out []Limit
	known := 0
	for _, l := range limits {
		text, ok := values[l.name]
		if ok {
			known++
		}
		if text == "" {
			continue
		}
		limit, err := l.parse(l.property, text)
		if err != nil {
			return nil, fmt.Errorf("read scope.%s: %w", l.name, err)
		}
		out = append(out, limit)
	}
	if known != len(values) {
		return nil, fmt.Errorf("read scope limits: only %s are known", strings.Join(LimitNames(), ", "))
	}
	return out, nil
}

// parseSize reads a number of bytes: K, M, G and T are powers of 1024.
func parseSize(property, text string) (Limit, error) {
	if l, ok, err := parseCommon(property, text); ok || err != nil {
		return l, err
	}
	digits, factor := text, uint64(1)
	if i := strings.IndexByte("KMGT", text[len(text)-1]); i >= 0 {
		digits, factor = text[:len(text)-1], 1<<(10*(i+1))
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64)
	if err != nil || n == 0 || n > math.MaxUint64/factor {
		return Limit{}, fmt.Errorf("%q is no size: write for example 200M, 1G, 50%% or infinity", text)
	}
	return Limit{property, n * factor}, nil
}

// parseCount reads a number of tasks.
func parseCount(property, text string) (Limit, error) {
	if l, ok, err := parseCommon(property, text); ok || err != nil {
		return l, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return Limit{}, fmt.Errorf("%q is no number of tasks: write for example 200, 10%% or infinity", text)
	}
	return Limit{property, n}, nil
}

// parseWeight reads a CPU weight; "idle" is systemd's own word for 0.
func parseWeight(property, text string) (Limit, error) {
	if text == "idle" {
		return Limit{property, uint64(0)}, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || n > 10000 {
		return Limit{}, fmt.Errorf("%q is no weight: write a number from 1 to 10000 (100 is usual), or idle", text)
	}
	return Limit{property, n}, nil
}

// parseCommon reads what sizes and counts share: infinity and percentages
// (up to two digits after the point).
func parseCommon(property, text string) (l Limit, ok bool, err error) {
	if text == "infinity" {
		return Limit{property, uint64(math.MaxUint64)}, true, nil
	}
	digits, ok := strings.CutSuffix(text, "%")
	if !ok {
		return Limit{}, false, nil
	}
	p, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(p > 0 && p <= 100) {
		return Limit{}, false, fmt.Errorf("%q is no share: write more than 0%%, and 100%% at most", text)
	}
	share := uint32(math.Round(p / 100 * math.MaxUint32))
	if share == 0 {
		share = 1
	}
	return Limit{property + "Scale", share}, true, nil
}
