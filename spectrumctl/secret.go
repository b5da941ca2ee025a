// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
)

// credentialsDir is where the secrets of instances are, one folder each.
const credentialsDir = "/etc/spectrum2/credentials"

// How a configuration refers to a secret that stands elsewhere.
const (
	reference     = "$credential:"
	fileReference = "$file:"
)

func secretCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "secret",
		Short: "Keep an instance's passwords and keys out of its configuration",
		Long: `Keep an instance's passwords and keys out of its configuration: systemd hands them
to the service as credentials, encrypted on the disk where this system can do that
(systemd-creds), and the configuration has $credential:KEY in their place. Only
root may: use sudo.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError("secret set, secret list or secret remove?")
		},
	}
	c.AddCommand(secretSetCommand(t), secretListCommand(t), secretRemoveCommand(t))
	return c
}

// secretKeys are the known keys that are secrets, in the manual's order.
func secretKeys() []string {
	var out []string
	for _, k := range config.Keys() {
		if k.Secret {
			out = append(out, k.Full())
		}
	}
	return out
}

// checkSecretKey refuses what the configuration would not treat as secret.
func checkSecretKey(key string) (string, error) {
	key = strings.ToLower(key)
	if !config.IsSecret(key) || strings.ContainsAny(key, "/\\:= \t#[]") {
		return "", fmt.Errorf("%s is not a secret; those are %s, and the passwords of backends", key, strings.Join(secretKeys(), ", "))
	}
	return key, nil
}

// secretsOf is the folder of an instance's secrets.
func secretsOf(instance string) string { return filepath.Join(credentialsDir, instance) }

// secretFiles are where a secret may be: encrypted or not.
func secretFiles(instance, key string) (encrypted, plain string) {
	p := filepath.Join(secretsOf(instance), key)
	return p + ".cred", p
}

// secretText is the file of an instance whose secrets are looked at.
func (t *tool) secretText(name string) (string, error) {
	if err := t.known([]string{name}); err != nil {
		return "", err
	}
	b, err := os.ReadFile(t.fileOf(name))
	return string(b), err
}

// editConfig puts an edited configuration in the place of the old one. It must
// be as good as the old one.
func (t *tool) editConfig(name, text string) error {
	file := t.fileOf(name)
	return replaceConfig(file, text, func(edited string) error {
		_, _, before := readConfig(file)
		if _, _, err := readConfig(edited); err != nil && before == nil {
			return fmt.Errorf("%s would be broken: %w", file, err)
		}
		return nil
	})
}

func (t *tool) completeSecret(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return t.complete(nil), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return slices.Clone(secretKeys()), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
