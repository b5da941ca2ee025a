// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// The keys of a database's passwords: the one in use, and the one before.
const (
	encryptionKey    = "database.encryption_key"
	encryptionKeyOld = "database.encryption_key_old"
)

// formerKey is a database's key that another one is about to replace: there may
// be no other copy of it, and passwords that cannot be read without.
type formerKey struct {
	t    *tool
	name string
	text string // of the configuration
	next string // what replaces it
	kept string // a sentence, if it was kept
}

// keep keeps the former key, if there is one and it is another, and returns the
// edited configuration with a reference to it.
func (f *formerKey) keep(ctx context.Context, edited string) (string, error) {
	former, value, err := f.find(ctx)
	if err != nil {
		return "", fmt.Errorf("read the key in use, which would be lost: %w", err)
	}
	if former == "" || former == f.next {
		return edited, nil
	}
	if config.ValueOf(f.text, encryptionKeyOld) != "" {
		return "", fmt.Errorf("the key is being changed already; finish that first: spectrumctl db rekey %s, then spectrumctl secret remove %s %s", f.name, f.name, encryptionKeyOld)
	}
	if !strings.HasPrefix(value, fileReference) {
		if _, err := f.t.storeSecret(ctx, f.name, encryptionKeyOld, former); err != nil {
			return "", err
		}
		value = reference + encryptionKeyOld
	}
	f.kept = "the one before is kept as " + encryptionKeyOld + "; encrypt with the new one: spectrumctl db rekey " + f.name
	// The old one has its place before the new one takes it.
	withOld, err := config.SetValue(f.text, encryptionKeyOld, value)
	if err == nil {
		err = f.t.editConfig(f.name, withOld)
	}
	if err != nil {
		return "", err
	}
	return config.SetValue(edited, encryptionKeyOld, value)
}

// find reads the key in use, and how the configuration says it.
func (f *formerKey) find(ctx context.Context) (key, value string, err error) {
	value = config.Secrets(f.text)[encryptionKey]
	credential, isCredential := strings.CutPrefix(value, reference)
	file, isFile := strings.CutPrefix(value, fileReference)
	var b []byte
	switch {
	case isCredential:
		list, listErr := f.t.readDropIn(f.name)
		l, ok := list.of(credential)
		if listErr != nil || !ok {
			return "", "", listErr // nobody has it
		}
		b, err = f.t.decrypt(ctx, l)
	case isFile:
		b, err = os.ReadFile(f.t.path(file))
	default:
		return config.ValueOf(f.text, encryptionKey), "", nil
	}
	return strings.TrimRight(string(b), "\r\n"), value, err
}

// spareKey says what stands against forgetting a database's key.
func (t *tool) spareKey(ctx context.Context, name, key string) error {
	if key != encryptionKey && key != encryptionKeyOld {
		return nil
	}
	if cfg, _, err := readConfig(t.fileOf(name)); err == nil && cfg.Database.Type == "none" {
		return nil
	}
	var out bytes.Buffer
	err := t.db(ctx, "status", name, dbRun{options: []string{"--json"}, stdout: &out})
	var state struct {
		Passwords *struct{ Sealed, Older int }
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &state)
	}
	if err != nil {
		return fmt.Errorf("find out whether passwords need it: %w; with --force it is forgotten all the same", err)
	}
	switch p := state.Passwords; {
	case p == nil:
	case key == encryptionKey && p.Sealed+p.Older > 0:
		return fmt.Errorf("%d passwords cannot be read without it: spectrumctl db unseal %s first, with the instance stopped", p.Sealed+p.Older, name)
	case key == encryptionKeyOld && p.Older > 0:
		return fmt.Errorf("%d passwords cannot be read without it: spectrumctl db rekey %s first", p.Older, name)
	}
	return nil
}
