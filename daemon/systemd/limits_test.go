// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/systemd"
)

func TestLimitsAreReadInSystemdsNotation(t *testing.T) {
	for _, c := range []struct {
		key, text, property string
		value               any
	}{
		{"memory_max", "200M", "MemoryMax", uint64(200 << 20)},
		{"memory_max", "1048576", "MemoryMax", uint64(1 << 20)},
		{"memory_max", "2T", "MemoryMax", uint64(2 << 40)},
		{"memory_max", "infinity", "MemoryMax", uint64(math.MaxUint64)},
		{"memory_high", "80%", "MemoryHighScale", uint32(3435973836)},
		{"memory_high", "100%", "MemoryHighScale", uint32(math.MaxUint32)},
		{"memory_high", "0.00000001%", "MemoryHighScale", uint32(1)},
		{"tasks_max", "50", "TasksMax", uint64(50)},
		{"tasks_max", "12.5%", "TasksMaxScale", uint32(536870912)},
		{"cpu_weight", "20", "CPUWeight", uint64(20)},
		{"cpu_weight", "idle", "CPUWeight", uint64(0)},
	} {
		got, err := systemd.ParseLimits(map[string]string{c.key: c.text})
		if want := []systemd.Limit{{Property: c.property, Value: c.value}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %s: %v, %v, want %v", c.key, c.text, got, err, want)
		}
	}
}

func TestBadLimitsAreNamed(t *testing.T) {
	for key, texts := range map[string][]string{
		"memory_max":  {"much", "-1", "0", "0%", "101%", "NaN%", "Inf%", "M", "1.5G", "99999999999T", "5MB", "\x00"},
		"memory_high": {"max", " "},
		"tasks_max":   {"0", "10M", "-5", "%"},
		"cpu_weight":  {"0", "10001", "50%", "infinity"},
	} {
		for _, text := range texts {
			if l, err := systemd.ParseLimits(map[string]string{key: text}); err == nil || !strings.Contains(err.Error(), "scope."+key) {
				t.Errorf("%s = %q: %v, %v", key, text, l, err)
			}
		}
	}
	if _, err := systemd.ParseLimits(map[string]string{"io_weight": "5"}); err == nil {
		t.Error("an unknown limit was taken")
	}
}

func TestNoLimitIsNoLimit(t *testing.T) {
	if l, err := systemd.ParseLimits(map[string]string{"memory_max": "", "cpu_weight": ""}); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
}
