// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
)

func secretRemoveCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "remove NAME KEY",
		Short: "Forget a secret that is kept for an instance",
		Long: `Forget a secret that is kept for an instance, and take the key that refers to it out
of the configuration. A key of the database stays while there are passwords that
cannot be read without it.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: t.completeSecret,
	}
	force := c.Flags().Bool("force", false, "forget a database's key, even if that makes passwords unreadable for ever")
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.secretRemove(c.Context(), args[0], args[1], *force)
	}
	return c
}

func (t *tool) secretRemove(ctx context.Context, name, key string, force bool) error {
	what := "forget " + key + " of " + name
	key, err := checkSecretKey(key)
	if err != nil {
		return cannot(what, err)
	}
	text, err := t.secretText(name)
	if err != nil {
		return cannot(what, err)
	}
	list, err := t.readDropIn(name)
	if err != nil {
		return cannot(what, err)
	}
	file, _ := list.file(key)
	refers := config.Secrets(text)[key] == reference+key
	if file == "" && !refers {
		return cannot(what, fmt.Errorf("no such secret is kept")).then("spectrumctl secret list %s shows them", name)
	}
	if !force && file != "" {
		if err := t.spareKey(ctx, name, key); err != nil {
			return cannot(what, err)
		}
	}
	if refers {
		if err := t.editConfig(name, config.RemoveKey(text, key)); err != nil {
			return cannot(what, err)
		}
	}
	encrypted, plain := secretFiles(name, key)
	if err := t.writeDropIn(name, key, ""); err != nil {
		return cannot(what, err)
	}
	err = errors.Join(removeIfThere(t.path(encrypted)), removeIfThere(t.path(plain)), removeEmpty(t.path(secretsOf(name))))
	if err != nil {
		return cannot(what, err)
	}
	return t.secretDone(ctx, name, key, key+" is not kept any more")
}
