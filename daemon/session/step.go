// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Step is a question of the network's to the user.
type Step struct {
	ID                  string
	Kind                pbnetwork.Step_Kind
	Title, Instructions string
	Fields              []StepField
	// URI is what to open (LINK) or what the code shows (QR).
	URI     string
	Expires time.Time
}

// StepField is one thing to fill in.
type StepField struct {
	Name, Label      string
	Secret, Required bool
	Value            string
	Options          []string
}
