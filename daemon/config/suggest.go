// SPDX-License-Identifier: GPL-2.0-or-later

package config

import "strings"

// suggestion is " (did you mean …?)" where a known key is nearly the same.
func suggestion(full string) string {
	best, least := "", 3 // two slips at most
	section, name := cutLast(full)
	for i := range table {
		k := &table[i]
		d := distance(full, k.Full())
		switch {
		case name == k.Name && section != k.Section:
			d = 1 // right key, wrong section
		case len(name) >= 3 && strings.HasPrefix(k.Full(), full):
			d = 1 // cut off
		}
		if d < least {
			best, least = k.Full(), d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

func cutLast(full string) (section, name string) {
	i := strings.LastIndexByte(full, '.')
	return full[:max(i, 0)], full[i+1:]
}

// distance counts the insertions, deletions and changes between a and b.
func distance(a, b string) int {
	if max(len(a), len(b))-min(len(a), len(b)) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
