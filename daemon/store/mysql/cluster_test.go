// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestSeveralMainProcesses(t *testing.T) { sqltest.Cluster(t, kind) }
