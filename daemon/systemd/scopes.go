// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// ScopeNumbers are the numbers of an instance's backends that have a scope now,
// in ascending order: what survived a restart, or is still on its way out after
// a stop. A new backend must not get one of them.
func ScopeNumbers(ctx context.Context, instance string) ([]int, error) {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	defer conn.Close()
	var units [][]any // name and nine more for each
	prefix, suffix, _ := strings.Cut(ScopeUnit(instance, 0), "0")
	err = conn.Object(managerName, managerPath).CallWithContext(ctx, managerName+".Manager.ListUnitsByPatterns", 0,
		[]string{}, []string{prefix + "*" + suffix}).Store(&units)
	if err != nil {
		return nil, fmt.Errorf("list scopes of %s: %w", instance, err)
	}
	var numbers []int
	for _, u := range units {
		if len(u) == 0 {
			continue
		}
		name, _ := u[0].(string)
		digits := strings.TrimSuffix(strings.TrimPrefix(name, prefix), suffix)
		if n, err := strconv.Atoi(digits); err == nil && ScopeUnit(instance, n) == name {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
