// SPDX-License-Identifier: GPL-2.0-or-later

package screen

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// Cell is one field of a table.
type Cell struct {
	Text   string
	Colour Colour
}

// Table is columns under a head, each as wide as its widest cell.
type Table struct {
	Head []string
	rows [][]Cell
	// Right are the columns that are aligned to the right, by number.
	Right map[int]bool
}

// Row adds a row of plain cells; an empty one is shown as "-".
func (t *Table) Row(cells ...string) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		row[i].Text = c
	}
	t.Cells(row...)
}

// Cells adds a row.
func (t *Table) Cells(cells ...Cell) {
	for i := range cells {
		cells[i].Text = Clean(cells[i].Text)
		if cells[i].Text == "" {
			cells[i].Text = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Write shows the table, without its head if legend is false.
func (t *Table) Write(s *Screen, legend bool) error {
	rows := t.rows
	if legend {
		head := make([]Cell, len(t.Head))
		for i, h := range t.Head {
			head[i] = Cell{h, Bold}
		}
		rows = append([][]Cell{head}, rows...)
	}
	width := make([]int, len(t.Head))
	for _, row := range rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c.Text))
		}
	}
	w := bufio.NewWriter(s)
	for _, row := range rows {
		w.WriteString(t.line(s, row, width) + "\n")
	}
	return w.Flush()
}

func (t *Table) line(s *Screen, row []Cell, width []int) string {
	var b strings.Builder
	for i, c := range row {
		if i > 0 {
			b.WriteString("  ")
		}
		gap := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.Text))
		switch {
		case t.Right[i]:
			b.WriteString(gap + s.Paint(c.Colour, c.Text))
		case i == len(row)-1:
			b.WriteString(s.Paint(c.Colour, c.Text))
		default:
			b.WriteString(s.Paint(c.Colour, c.Text) + gap)
		}
	}
	return b.String()
}

// Clean makes text from elsewhere (a user's name, a network's sentence) safe to
// show in one line: control characters become "?".
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, text)
}
