// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"

	"spectrum.im/spectrum2/daemon/store/seal"
)

// errNoBackup is of a file of something else.
var errNoBackup = errors.New("it is not a backup that spectrumctl db backup wrote of a database server")

// backupReader reads a backup line by line.
type backupReader struct {
	in   *bufio.Reader
	hash hash.Hash
	line int
	rows map[string]int
	end  backupEnd
}

func newBackupReader(r io.Reader) *backupReader {
	return &backupReader{in: bufio.NewReaderSize(r, 64<<10), hash: sha256.New(), rows: map[string]int{}}
}

func (r *backupReader) at(err error) error { return fmt.Errorf("line %d: %w", r.line, err) }

func (r *backupReader) read() ([]byte, error) {
	b, err := r.in.ReadBytes('\n')
	r.line++
	if errors.Is(err, io.EOF) {
		err = r.at(errors.New("the file was cut off: its last line is missing"))
	}
	return b, err
}

// head reads the first line. Those of programs before this one said less.
func (r *backupReader) head() (h backupHead, err error) {
	b, err := r.read()
	if err == nil {
		r.hash.Write(b)
		err = json.Unmarshal(b, &h)
	}
	switch {
	case err != nil || h.Spectrum2 != "backup":
		return h, errNoBackup
	case h.Format == 0:
		return h, errors.New("an earlier version wrote it, only to look things up")
	case h.Format > backupFormat:
		return h, fmt.Errorf("it has format %d and this version of Spectrum 2 knows those up to %d: install the newer version", h.Format, backupFormat)
	}
	return h, nil
}

// next returns the next row, and io.EOF after a good last line.
func (r *backupReader) next() (l backupLine, err error) {
	b, err := r.read()
	if err != nil {
		return l, err
	}
	in := json.NewDecoder(bytes.NewReader(b))
	in.DisallowUnknownFields()
	if err := in.Decode(&l); err != nil {
		return l, r.at(fmt.Errorf("it is damaged: %w", err))
	}
	if l.End != nil {
		return l, r.finish(*l.End)
	}
	if !slices.Contains(tables, l.Table) || len(l.Row) == 0 {
		return l, r.at(fmt.Errorf("it is damaged: there is no row of a table %q", l.Table))
	}
	r.hash.Write(b)
	r.rows[l.Table]++
	return l, nil
}

// finish is io.EOF if the file is whole and unchanged.
func (r *backupReader) finish(e backupEnd) error {
	for _, table := range tables {
		if e.Tables[table].Rows != r.rows[table] {
			return r.at(fmt.Errorf("rows of the table %s are missing: there were %d, and %d are here", table, e.Tables[table].Rows, r.rows[table]))
		}
	}
	if hex.EncodeToString(r.hash.Sum(nil)) != e.SHA256 {
		return r.at(errors.New("a line before it was changed: they do not have the checksum that this last one names"))
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		r.line++
		return r.at(errors.New("there is something after the last line"))
	}
	r.end = e
	return io.EOF
}

// checkedBackup is what is known of a backup after reading it once.
type checkedBackup struct {
	backupEnd
	head    backupHead
	columns map[string][]string
	// sums are of all rows of each table, in any order.
	sums map[string]uint64
}

// checkBackup reads the whole file, without doing anything with it.
func (d *DB) checkBackup(r io.Reader) (c checkedBackup, err error) {
	in := newBackupReader(r)
	if c.head, err = in.head(); err != nil {
		return c, err
	}
	if c.head.Type != d.lang.Type {
		return c, fmt.Errorf("it is of %s and this database is %s: between types, spectrumctl db export and db import move everything", c.head.Type, d.lang.Type)
	}
	if c.head.Schema > d.latest() {
		return c, fmt.Errorf("it has schema %d and this version of Spectrum 2 knows those up to %d: install the newer version, or take an export of that one (spectrumctl db export, db import)",
			c.head.Schema, d.latest())
	}
	c.columns, c.sums = map[string][]string{}, map[string]uint64{}
	var meta seal.Meta
	for {
		l, err := in.next()
		if errors.Is(err, io.EOF) {
			c.backupEnd = in.end
			return c, d.opens(meta)
		}
		if err == nil {
			err = c.add(l, &meta, d.lang.CxxVersion)
		}
		if err != nil {
			return c, err
		}
	}
}

func (c *checkedBackup) add(l backupLine, meta *seal.Meta, newest int) error {
	if c.columns[l.Table] == nil {
		c.columns[l.Table] = l.Row.columns()
	}
	c.sums[l.Table] += l.Row.sum()
	switch l.Table {
	case "spectrum2_meta":
		meta.Set(string(l.Row["name"]), string(l.Row["value"]))
	case "db_version":
		if ver, err := strconv.Atoi(string(l.Row["ver"])); err != nil || ver > newest {
			return fmt.Errorf("it has db_version %s and this version of Spectrum 2 knows those up to %d", l.Row["ver"], newest)
		}
	}
	return nil
}

// opens tries the keys on the passwords of a backup.
func (d *DB) opens(m seal.Meta) error {
	k := d.keys.Load()
	_, _, err := seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	return err
}
