// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/control/api"
)

func registerCommand(t *tool) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "register NAME JID LEGACYNAME",
		Short: "Register a user",
		Long: `Register the user JID with a running instance under LEGACYNAME, his name on the
legacy network. His password there is asked for on a terminal, or read from
--password-file; it is never an argument, which others could see.`,
		Example:           "  spectrumctl register irc me@example.org mynick",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: t.completeOneName,
		RunE: func(c *cobra.Command, args []string) error {
			return t.register(c.Context(), args[0], api.Registration{JID: args[1], LegacyName: args[2]}, file)
		},
	}
	c.Flags().StringVar(&file, "password-file", "", "`file` with the password in its first line, \"-\" for standard input")
	return c
}

func (t *tool) register(ctx context.Context, name string, r api.Registration, file string) error {
	if _, err := t.targets([]string{name}); err != nil {
		return err
	}
	var err error
	switch {
	case file != "":
		r.Password, err = t.secretFile(file)
	case t.interactive():
		r.Password, err = t.secret("Password of " + r.LegacyName + " on the legacy network (empty for none)")
	}
	what := "register " + r.JID + " with " + name
	if err != nil {
		return cannot(what, err)
	}
	_, err = ask(ctx, t, name, what, func(ctx context.Context, c *api.Client) (api.None, error) { return api.None{}, c.Register(ctx, r) })
	var f *failure
	switch {
	case err == nil:
	case errors.As(err, &f) && errors.Is(err, api.ErrExists):
		return f.then("to change it: spectrumctl unregister %s %s, then register again", name, r.JID)
	case f != nil && r.Password == "" && strings.Contains(err.Error(), "password"):
		return f.then("give it with --password-file FILE, or run this on a terminal")
	default:
		return err
	}
	return t.showOutcomes([]string{name}, []outcome{{Text: r.JID + " is registered as " + r.LegacyName}})
}
