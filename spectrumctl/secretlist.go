// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl/screen"
)

// kept is one secret that an instance's configuration refers to, or that is
// kept for it. Its JSON is what secret list prints.
type kept struct {
	Key string `json:"key"`
	// Value is what the configuration says, "" if it says nothing of it.
	Value string `json:"value"`
	// File is where it is, "" if it is nowhere.
	File      string `json:"file"`
	Encrypted bool   `json:"encrypted"`
	Problem   string `json:"problem"`
}

func secretListCommand(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:               "list NAME",
		Short:             "Show where an instance's secrets are",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.completeOneName,
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := t.secrets(args[0])
			if err != nil {
				return cannot("list the secrets of "+args[0], err)
			}
			return t.showSecrets(args[0], list)
		},
	}
}

// secrets are those of the configuration, and those that it does not name any
// more.
func (t *tool) secrets(name string) ([]kept, error) {
	text, err := t.secretText(name)
	if err != nil {
		return nil, err
	}
	loaded, err := t.readDropIn(name)
	if err != nil {
		return nil, err
	}
	list, named := []kept{}, map[string]bool{}
	for key, value := range config.Secrets(text) {
		k := kept{Key: key, Value: value}
		credential, isCredential := strings.CutPrefix(value, reference)
		file, isFile := strings.CutPrefix(value, fileReference)
		switch {
		case isCredential:
			named[credential] = true
			k.File, k.Encrypted = loaded.file(credential)
		case isFile:
			k.File = file
		default:
			k.Value, k.File = "***", t.fileOf(name)
			k.Problem = "readable in the configuration: spectrumctl secret set " + name + " " + key
		}
		if k.Problem == "" {
			k.Problem = t.secretProblem(k)
		}
		list = append(list, k)
	}
	for _, l := range loaded {
		if !named[l.name] {
			list = append(list, kept{Key: l.name, File: l.path, Encrypted: l.encrypted, Problem: "the configuration does not refer to it"})
		}
	}
	slices.SortFunc(list, func(a, b kept) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func (t *tool) secretProblem(k kept) string {
	if k.File == "" {
		return "no drop-in of ours gives it to the service"
	}
	if _, err := os.Stat(t.path(k.File)); err != nil && !os.IsPermission(err) {
		if pe, ok := err.(*fs.PathError); ok {
			err = pe.Err
		}
		return err.Error()
	}
	return ""
}

func (t *tool) showSecrets(name string, list []kept) error {
	if t.json {
		return t.printJSON(list)
	}
	table := &screen.Table{Head: []string{"KEY", "VALUE", "FILE", "STATE"}}
	for _, k := range list {
		state := screen.Cell{Text: "for root alone", Colour: screen.Green}
		switch {
		case k.Problem != "":
			state = screen.Cell{Text: k.Problem, Colour: screen.Yellow}
		case k.Encrypted:
			state.Text = "encrypted"
		case strings.HasPrefix(k.Value, fileReference):
			state.Text = "a file"
		}
		table.Cells(screen.Cell{Text: k.Key}, screen.Cell{Text: k.Value}, screen.Cell{Text: k.File}, state)
	}
	return t.printTable(table, []string{name}, "No secret.")
}
