// SPDX-License-Identifier: GPL-2.0-or-later

package screen

import (
	"fmt"
	"time"
)

// Bytes writes a size as systemd does ("42.1M"), "" for none.
func Bytes(n uint64) string {
	if n == 0 {
		return ""
	}
	value, units := float64(n), "BKMGTPE"
	i := 0
	for value >= 1024 && i < len(units)-1 {
		value /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%.1f%c", value, units[i])
}

// Span writes how long something lasts in its two largest units ("3d 4h"), ""
// for a negative time.
func Span(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case d < 0:
		return ""
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm %ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh %dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd %dh", s/86400, s/3600%24)
}

// Since is Span from t to now, "" for the zero time.
func Since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Span(time.Since(t))
}
