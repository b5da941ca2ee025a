// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl/screen"
	"spectrum.im/spectrum2/spectrumctl/units"
)

func secretSetCommand(t *tool) *cobra.Command {
	c := &cobra.Command{
		Use:   "set NAME KEY",
		Short: "Keep a secret, and have the configuration refer to it",
		Long: `Ask for a secret, or read it from standard input, and keep it for the service:
encrypted for this machine where systemd-creds can do that, otherwise in a file
that only root can read. The configuration's value of KEY becomes $credential:KEY,
everything else in the file stays as it is. The service gets it when it starts.
KEY is for example service.password or database.encryption_key. A key of the
database that is replaced is kept as database.encryption_key_old, since passwords
are encrypted with it until spectrumctl db rekey.`,
		Example: `  sudo spectrumctl secret set irc service.password
  sudo spectrumctl secret set irc database.encryption_key --generate`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: t.completeSecret,
	}
	generate := c.Flags().Bool("generate", false, "make one of 32 random bytes, instead of asking")
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.secretSet(c.Context(), args[0], args[1], *generate)
	}
	return c
}

func (t *tool) secretSet(ctx context.Context, name, key string, generate bool) error {
	what := "keep " + key + " of " + name
	key, err := checkSecretKey(key)
	if err != nil {
		return cannot(what, err)
	}
	text, err := t.secretText(name)
	if err != nil {
		return cannot(what, err)
	}
	edited, err := config.SetValue(text, key, reference+key)
	if err != nil {
		return cannot(what, err)
	}
	secret, err := t.newSecret(name, key, generate)
	if err != nil {
		return cannot(what, err)
	}
	before := &formerKey{t: t, name: name, text: text, next: secret}
	if key == encryptionKey {
		if edited, err = before.keep(ctx, edited); err != nil {
			return cannot(what, err)
		}
	}
	how, err := t.storeSecret(ctx, name, key, secret)
	if err != nil {
		return cannot(what, err)
	}
	if edited != text {
		if err := t.editConfig(name, edited); err != nil {
			return cannot(what, err).then("the secret is kept: write %s%s into %s yourself", reference, key, t.fileOf(name))
		}
	}
	text = key + " is kept " + how
	if before.kept != "" {
		text += "\n" + before.kept
	}
	return t.secretDone(ctx, name, key, text)
}

// newSecret is what the administrator says.
func (t *tool) newSecret(name, key string, generate bool) (secret string, err error) {
	switch {
	case generate:
		b := make([]byte, 32)
		rand.Read(b) // never fails
		return base64.RawURLEncoding.EncodeToString(b), nil
	case t.interactive():
		secret, err = t.secret(key + " of " + name)
	default:
		secret, err = t.secretFile("-")
	}
	if err == nil && secret == "" {
		err = errors.New("it is empty")
	}
	return secret, err
}

// storeSecret writes the secret's file and tells systemd of it.
func (t *tool) storeSecret(ctx context.Context, name, key, secret string) (how string, err error) {
	if err := makePrivateDir(t.path(credentialsDir)); err != nil {
		return "", err
	}
	if err := makePrivateDir(t.path(secretsOf(name))); err != nil {
		return "", err
	}
	encrypted, plain := secretFiles(name, key)
	sealed, why := t.encrypt(ctx, key, secret)
	file, other, how := encrypted, plain, "encrypted for this machine, in "+encrypted
	if why != nil {
		fmt.Fprintln(t.err, t.err.Paint(screen.Yellow, "spectrumctl: warning: ")+"not encrypted on the disk: "+screen.Clean(why.Error()))
		file, other, sealed, how = plain, encrypted, []byte(secret), "in "+plain+", for root alone"
	}
	if err := writePrivate(t.path(file), sealed); err != nil {
		return "", err
	}
	if err := t.writeDropIn(name, key, file); err != nil {
		return "", err
	}
	return how, removeIfThere(t.path(other))
}

// encrypt has systemd encrypt the secret with the machine's key.
func (t *tool) encrypt(ctx context.Context, key, secret string) ([]byte, error) {
	program, err := t.lookPath("systemd-creds")
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "encrypt", "--name="+key, "-", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = strings.NewReader(secret), &out, &complaint, t.env
	if err := cmd.Run(); err != nil || out.Len() == 0 {
		return nil, fmt.Errorf("systemd-creds: %s", strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}

// secretDone has systemd read the drop-in, and says what is left to do.
func (t *tool) secretDone(ctx context.Context, name, key, text string) error {
	m, err := units.Connect(ctx, t.root, t.getenv)
	if err != nil {
		return t.showOutcomes([]string{name}, []outcome{{Text: text + "\nsystemd does not run here: have it read " + dropIn(name) + " where it does"}})
	}
	defer m.Close()
	if err := m.DaemonReload(ctx); err != nil {
		return rootOnly(cannot("tell systemd about "+name, err))
	}
	if s, err := m.State(ctx, name); err == nil && s.Active == "active" {
		text += "\nin effect after: spectrumctl " + inEffectBy(key) + " " + name
	}
	return t.showOutcomes([]string{name}, []outcome{{Text: text}})
}

// inEffectBy is the command after which an instance that runs uses another
// value of the key.
func inEffectBy(key string) string {
	for _, k := range config.Keys() {
		if k.Full() == key && k.Restart == "" {
			return "reload"
		}
	}
	return "restart"
}

func makePrivateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// writePrivate writes a file for its owner alone, whole or not at all.
func writePrivate(path string, content []byte) error {
	return writeWhole(path, content, 0o600)
}

func writeWhole(path string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
