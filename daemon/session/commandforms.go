// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"fmt"
	"slices"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// CommandFields is the form of a command that a backend announced
// (pbnetwork.Features.Commands).
func CommandFields(c *pbnetwork.CommandSpec) []StepField { return stepFields(c.GetField()) }

// CommandArguments makes the arguments for Session.Command out of a filled in
// form. The error says what is missing or not one of the choices.
func CommandArguments(c *pbnetwork.CommandSpec, values map[string]string) ([]string, error) {
	args := make([]string, 0, len(c.GetField()))
	for _, f := range c.GetField() {
		v := values[f.GetName()]
		switch label := orDefault(f.GetLabel(), f.GetName()); {
		case v == "" && f.GetRequired():
			return nil, fmt.Errorf("%s is needed", label)
		case v != "" && len(f.GetOption()) > 0 && !slices.Contains(f.GetOption(), v):
			return nil, fmt.Errorf("%s cannot be that; choose one of those offered", label)
		}
		args = append(args, v)
	}
	return args, nil
}

func stepFields(fields []*pbnetwork.StepField) []StepField {
	var out []StepField
	for _, f := range fields {
		out = append(out, StepField{
			Name: f.GetName(), Label: f.GetLabel(), Secret: f.GetSecret(), Required: f.GetRequired(),
			Value: f.GetValue(), Options: slices.Clone(f.GetOption()),
		})
	}
	return out
}
