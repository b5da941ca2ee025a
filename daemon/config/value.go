// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// set puts values into the key's field and says what is wrong with them. A
// list takes them all, everything else one.
func (k *Key) set(c *Config, values []string) (text, instead string) {
	if list, ok := k.field(c).(*[]string); ok {
		return k.setList(list, values)
	}
	return k.setOne(c, values[len(values)-1])
}

func (k *Key) setList(list *[]string, values []string) (text, instead string) {
	*list = nil
	for _, v := range values {
		if v == "" {
			continue
		}
		if k.check != nil {
			if t, i := k.check(v); t != "" {
				text, instead = t, i
				continue
			}
		}
		*list = append(*list, v)
	}
	return text, instead
}

func (k *Key) setOne(c *Config, v string) (text, instead string) {
	if v == "" && k.Default != "" && k.check != nil {
		return "is empty", "a value, or leave the key out"
	}
	if k.fold {
		v = strings.ToLower(v)
	}
	assign, text, instead := k.parse(c, v)
	if text == "" && k.check != nil && v != "" {
		text, instead = k.check(v)
	}
	if text == "" {
		assign()
	}
	return text, instead
}

// parse reads v as the field's type; assign puts it there.
func (k *Key) parse(c *Config, v string) (assign func(), text, instead string) {
	switch f := k.field(c).(type) {
	case *string:
		return func() { *f = v }, "", ""
	case *Secret:
		return func() { *f = NewSecret(v) }, "", ""
	case *bool:
		b, ok := parseBool(v)
		if !ok {
			return nil, quoted(v) + " is neither yes nor no", "1 or 0"
		}
		return func() { *f = b }, "", ""
	case *int:
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, quoted(v) + " is not a number", "a whole number, " + k.plainDefault()
		}
		return func() { *f = n }, "", ""
	case *time.Duration:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || int64(n) > math.MaxInt64/int64(k.unit()) {
			return nil, quoted(v) + " is not a time", "a whole number of " + string(k.Type) + ", " + k.plainDefault()
		}
		return func() { *f = time.Duration(n) * k.unit() }, "", ""
	}
	panic("config: " + k.Full() + " has a field of a type that nobody knows")
}

func (k *Key) plainDefault() string { return "such as " + firstWord(k.Default) }

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

func (k *Key) unit() time.Duration {
	if k.Type == Milliseconds {
		return time.Millisecond
	}
	return time.Second
}

// get is the field's values as they would be written.
func (k *Key) get(c *Config) []string {
	switch f := k.field(c).(type) {
	case *string:
		return []string{*f}
	case *Secret:
		return []string{f.Reveal()}
	case *bool:
		if *f {
			return []string{"1"}
		}
		return []string{"0"}
	case *int:
		return []string{strconv.Itoa(*f)}
	case *time.Duration:
		return []string{strconv.FormatInt(int64(*f/k.unit()), 10)}
	case *[]string:
		return *f
	}
	return nil
}

func parseBool(v string) (value, ok bool) {
	switch strings.ToLower(v) {
	case "1", "true", "yes", "on":
		return true, true
	case "0", "false", "no", "off":
		return false, true
	}
	return false, false
}
