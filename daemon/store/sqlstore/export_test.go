// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

// The C++ version's way with passwords.
var (
	Disguise   = disguise
	Undisguise = undisguise
)
