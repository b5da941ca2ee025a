// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func BenchmarkStore(b *testing.B) {
	sqltest.Bench(b, kind, []string{
		fmt.Sprintf("INSERT INTO users (id, jid, uin, password, language) SELECT seq, CONCAT('u', seq, '@example.org'), seq, 'p', 'en' FROM seq_1_to_%d", sqltest.Users),
		fmt.Sprintf("INSERT INTO buddies (user_id, uin, subscription, nickname, `groups`) SELECT u.seq, CONCAT('contact', c.seq), 'both', CONCAT('Nickname ', c.seq), 'Friends' FROM seq_1_to_%d u, seq_1_to_%d c", sqltest.Users, sqltest.ContactsEach),
		"INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) SELECT user_id, id, 'icon_hash', 2, '0123456789abcdef0123456789abcdef01234567' FROM buddies WHERE id % 3 = 0",
	})
}
