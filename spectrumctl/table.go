// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import "github.com/spf13/cobra"

// group is a heading of the help text with its commands.
type group struct {
	id, title string
	commands  []func(*tool) *cobra.Command
}

// groups is the table of commands, in the order of the help text.
var groups = []group{
	{"look", "See how the instances are", []func(*tool) *cobra.Command{
		listCommand, statusCommand, logsCommand, usersCommand, sessionsCommand, backendsCommand,
	}},
	{"run", "Start and stop them", []func(*tool) *cobra.Command{
		startCommand, stopCommand, restartCommand, reloadCommand, enableCommand, disableCommand,
	}},
	{"configure", "Make and check their configuration", []func(*tool) *cobra.Command{
		newCommand, checkCommand, showCommand, certCommand, secretCommand, adoptCommand,
	}},
	{"users", "Users, an administrator's lines, the database", []func(*tool) *cobra.Command{
		registerCommand, unregisterCommand, queryCommand, dbCommand,
	}},
	{"other", "For the shell", []func(*tool) *cobra.Command{completionCommand}},
}
