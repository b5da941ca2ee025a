// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/spectrumctl"
)

const manDir = "../man"

// pages are the sources of the manual, by file name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manDir, "*.scd"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d pages in %s, %v", len(files), manDir, err)
	}
	m := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m[filepath.Base(f)] = string(b)
	}
	return m
}

func TestPagesBuildWithoutErrors(t *testing.T) {
	for name, text := range pages(t) {
		scdoc := exec.Command("scdoc")
		scdoc.Stdin = strings.NewReader(text)
		page, err := scdoc.CombinedOutput()
		if err != nil {
			t.Errorf("scdoc < %s (apt-get install scdoc): %v: %s", name, err, page)
			continue
		}
		lint := exec.Command("mandoc", "-T", "lint", "-W", "error")
		lint.Stdin = bytes.NewReader(page)
		if out, err := lint.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("mandoc -T lint %s (apt-get install mandoc): %v: %s", name, err, out)
		}
	}
}

var (
	reference = regexp.MustCompile(`\*([a-z0-9_.\\-]+)\*\(([0-9])\)`)
	// elsewhere are the pages of other packages that ours may name.
	elsewhere = []string{"journalctl(1)", "systemctl(1)", "sd-daemon(3)", "systemd.unit(5)", "systemd.exec(5)", "systemd.resource-control(5)",
		"logrotate(8)", "prosodyctl(8)", "ejabberdctl(8)"}
)

func TestEveryReferenceLeadsToAPage(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		if !strings.Contains(text, "\n# SEE ALSO\n") {
			t.Errorf("%s has no SEE ALSO", name)
		}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			page := strings.ReplaceAll(m[1], `\`, "")
			if _, ours := all[page+"."+m[2]+".scd"]; !ours && !slices.Contains(elsewhere, page+"("+m[2]+")") {
				t.Errorf("%s names %s(%s), which does not exist", name, page, m[2])
			}
		}
		want := strings.TrimSuffix(name, ".scd")
		if title, _, _ := strings.Cut(text, "\n"); !strings.HasPrefix(title, want[:len(want)-2]+"("+want[len(want)-1:]+")") {
			t.Errorf("%s begins with %q", name, title)
		}
	}
}

// walk calls fn for every command but help.
func walk(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, sub := range c.Commands() {
		if sub.Name() != "help" {
			walk(sub, fn)
		}
	}
}

func TestManualHasEveryCommandAndOption(t *testing.T) {
	page := pages(t)["spectrumctl.1.scd"]
	commands := 0
	walk(spectrumctl.Tree(), func(c *cobra.Command) {
		commands++
		if path := strings.TrimPrefix(c.CommandPath(), "spectrumctl"); path != "" && !c.HasSubCommands() {
			if !strings.Contains(page, "\n*"+strings.TrimSpace(path)+"*") {
				t.Errorf("spectrumctl(1) has no paragraph on %q", c.CommandPath())
			}
		}
		if c.Short == "" || c.HasParent() && !strings.HasPrefix(c.Short, strings.ToUpper(c.Short[:1])) {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, "*--"+f.Name+"*") {
				t.Errorf("spectrumctl(1) does not have --%s of %s", f.Name, c.CommandPath())
			}
			if f.Shorthand != "" && !strings.Contains(page, "*-"+f.Shorthand+"*") {
				t.Errorf("spectrumctl(1) does not have -%s of %s", f.Shorthand, c.CommandPath())
			}
		})
	})
	if commands < 20 {
		t.Errorf("only %d commands", commands)
	}
}

func TestManualHasNoOptionThatIsNotThere(t *testing.T) {
	known := map[string]bool{"help": true}
	walk(spectrumctl.Tree(), func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	})
	for _, m := range regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(pages(t)["spectrumctl.1.scd"], -1) {
		if !known[m[1]] {
			t.Errorf("spectrumctl(1) has --%s, which no command takes", m[1])
		}
	}
}

func TestCompletionIsTheToolsOwn(t *testing.T) {
	for shell, file := range map[string]string{"bash": "spectrumctl", "zsh": "_spectrumctl", "fish": "spectrumctl.fish"} {
		var out, stderr bytes.Buffer
		if s := spectrumctl.Run(context.Background(), []string{"completion", shell}, nil, &out, &stderr, nil); s != 0 {
			t.Fatalf("completion %s: status %d: %s", shell, s, &stderr)
		}
		golden(t, filepath.Join("../packaging/completion", file), out.Bytes())
	}
}

// golden compares, or writes with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date: go test ./spectrumctl -update", file)
	}
}

const (
	generatedBegin = "; begin of the generated part: go test ./spectrumctl -run TestConfigPage -update\n"
	generatedEnd   = "; end of the generated part\n"
)

func TestConfigPageHasEveryKey(t *testing.T) {
	page := pages(t)["spectrum2.cfg.5.scd"]
	before, rest, ok := strings.Cut(page, generatedBegin)
	_, after, ok2 := strings.Cut(rest, generatedEnd)
	if !ok || !ok2 {
		t.Fatal("spectrum2.cfg(5) has lost its generated part's marks")
	}
	text := before + generatedBegin + "\n" + keysText() + generatedEnd + after
	golden(t, filepath.Join(manDir, "spectrum2.cfg.5.scd"), []byte(text))
}

// keysText describes the keys in scdoc.
func keysText() string {
	var b strings.Builder
	section := ""
	for _, k := range config.Keys() {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "## [%s]\n\n", section)
		}
		value := k.Default
		if value == "" {
			value = "none"
		}
		restart := ""
		if k.Restart != "" {
			restart = ", restart"
		}
		fmt.Fprintf(&b, "*%s* (%s; %s%s)\n\t%s", escape(k.Name), k.Type, escape(value), restart, escape(k.Doc))
		if k.Later != "" {
			fmt.Fprintf(&b, " This version has no %s yet: the key is accepted, and has no effect.", escape(k.Later))
		}
		for _, a := range k.Aliases {
			fmt.Fprintf(&b, " Also known as %s.", escape(a))
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

// escape makes text stand in scdoc as it is.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "_", `\_`, "*", `\*`, "<", `\<`, ">", `\>`, "#", `\#`, "[", `\[`).Replace(s)
}
