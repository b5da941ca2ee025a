// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/systemd"
)

// Scope is one scope to make.
type Scope struct {
	Instance   string
	Number     int
	PID, PIDFD int
	Limits     []systemd.Limit
}

// Unit is the scope's name.
func (s Scope) Unit() string { return systemd.ScopeUnit(s.Instance, s.Number) }

// Property is one property of a transient unit.
type Property struct {
	Name  string
	Value any
}

// properties are the scope's, without the process. Before= makes the main
// process stop first at shutdown.
func (s Scope) properties() []Property {
	p := []Property{
		{"Description", fmt.Sprintf("Spectrum 2 backend %d of %s", s.Number, s.Instance)},
		{"Slice", systemd.SliceUnit(s.Instance)},
		{"Before", []string{systemd.ServiceUnit(s.Instance)}},
		{"CollectMode", "inactive-or-failed"},
		{"TimeoutStopUSec", uint64(10_000_000)},
	}
	for _, l := range s.Limits {
		p = append(p, Property{l.Property, l.Value})
	}
	return p
}

// permitted are the properties that a caller may set, with the smallest and
// the greatest value.
var permitted = map[string]struct {
	share    bool
	min, max uint64
}{
	"MemoryMax":       {false, 1 << 20, math.MaxUint64},
	"MemoryMaxScale":  {true, 1, math.MaxUint32},
	"MemoryHigh":      {false, 1 << 20, math.MaxUint64},
	"MemoryHighScale": {true, 1, math.MaxUint32},
	"TasksMax":        {false, 1, math.MaxUint64},
	"TasksMaxScale":   {true, 1, math.MaxUint32},
	"CPUWeight":       {false, 0, 10000},
}

// allowed checks the limits of a request against the list.
func allowed(limits map[string]any) ([]systemd.Limit, error) {
	var out []systemd.Limit
	for name, value := range limits {
		p, ok := permitted[name]
		if !ok {
			return nil, refuse("property %q is not on the list", name)
		}
		var n uint64
		switch v := value.(type) {
		case uint64:
			ok, n = !p.share, v
		case uint32:
			ok, n = p.share, uint64(v)
		default:
			ok = false
		}
		if !ok {
			return nil, refuse("property %s has a value of the wrong type", name)
		}
		if n < p.min || n > p.max {
			return nil, refuse("%s=%d is out of range", name, n)
		}
		out = append(out, systemd.Limit{Property: name, Value: value})
	}
	slices.SortFunc(out, func(a, b systemd.Limit) int { return strings.Compare(a.Property, b.Property) })
	return out, nil
}
