// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// db is `spectrum2 db VERB`.
func (p Process) db(ctx context.Context, args []string) int {
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Fprint(p.Stdout, usage)
		return exitDone
	}
	d, verb, err := parseDB(args)
	if err != nil {
		fmt.Fprintf(p.Stderr, "spectrum2: %v\n%s", err, usage)
		return exitUsage
	}
	d.Stdin, d.Stdout, d.Version = os.Stdin, p.Stdout, p.Version
	d.Log = slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return p.report(d.Run(ctx, verb))
}

// parseDB splits the arguments after "db".
func parseDB(args []string) (d DB, verb string, err error) {
	if len(args) == 0 || verbs[args[0]] == nil {
		return d, "", fmt.Errorf("db takes one of %s", strings.Join(Verbs(), ", "))
	}
	verb, args = args[0], args[1:]
	for n := 0; n < len(args); n++ {
		a := args[n]
		output, isOutput := strings.CutPrefix(a, "--output=")
		switch {
		case a == "--json":
			d.JSON = true
		case a == "--with-passwords" && verb == "export":
			d.Passwords = true
		case a == "--merge" && verb == "import":
			d.Merge = true
		case isOutput:
			d.Output = output
		case a == "--output" && n+1 < len(args):
			n++
			d.Output = args[n]
		case strings.HasPrefix(a, "--") && strings.Contains(a, "."):
			d.Args = append(d.Args, a)
		case strings.HasPrefix(a, "-"):
			return d, verb, fmt.Errorf("unknown option %s", a)
		case d.File != "":
			return d, verb, fmt.Errorf("more than one configuration file: %s and %s", d.File, a)
		default:
			d.File = a
		}
	}
	if d.File == "" {
		err = errors.New("no configuration file given")
	}
	return d, verb, err
}
