// SPDX-License-Identifier: GPL-2.0-or-later

// Package integration runs the real programs against real servers: Prosody,
// ejabberd, IRC servers, and a server of its own that can misbehave. It also
// has the load driver of `make bench`. It holds nothing but tests.
package integration
