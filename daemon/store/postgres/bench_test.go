// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func BenchmarkStore(b *testing.B) {
	sqltest.Bench(b, kind, []string{
		fmt.Sprintf("INSERT INTO users (jid, uin, password, language) SELECT 'u' || n || '@example.org', n, 'p', 'en' FROM generate_series(1, %d) n", sqltest.Users),
		fmt.Sprintf("INSERT INTO buddies (user_id, uin, subscription, nickname, groups) SELECT u, 'contact' || c, 'both', 'Nickname ' || c, 'Friends' FROM generate_series(1, %d) u, generate_series(1, %d) c", sqltest.Users, sqltest.ContactsEach),
		"INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) SELECT user_id, id, 'icon_hash', 2, '0123456789abcdef0123456789abcdef01234567' FROM buddies WHERE id % 3 = 0",
		"ANALYZE",
	})
}
