// SPDX-License-Identifier: GPL-2.0-or-later

package mam

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

// Query is what is asked of an archive.
type Query struct {
	// ID is repeated in each result.
	ID string
	// With is the other side as it was written, "" for anybody.
	With string
	// Start and End are inclusive, zero for none.
	Start, End time.Time
	// AfterID and BeforeID are exclusive.
	AfterID, BeforeID string
	// IDs, where there are any, are the only messages wanted.
	IDs []string
	// Flip: the page's messages come newest first.
	Flip bool
	Page rsm.Request
}

// ErrUnsupported: the query asks for what no archive here can. Every other
// error of ParseQuery is a mistake in the query.
var ErrUnsupported = errors.New("not supported")

// ParseQuery reads <query/>.
func ParseQuery(e *xmpp.Element) (Query, error) {
	q := Query{ID: e.Get("queryid"), Flip: e.Child(NS, "flip-page") != nil}
	if e.Get("node") != "" {
		return q, fmt.Errorf("archives of nodes are %w", ErrUnsupported)
	}
	var err error
	if q.Page, err = rsm.Of(e); err != nil {
		return q, fmt.Errorf("page: %w", err)
	}
	if q.Page.Index >= 0 {
		return q, fmt.Errorf("pages by index are %w", ErrUnsupported)
	}
	f := dataform.Of(e)
	if f == nil {
		return q, nil
	}
	if t := f.FormType(); t != FormType {
		return q, errors.New("form of another type")
	}
	for i := range f.Fields {
		if err := q.field(&f.Fields[i]); err != nil {
			return q, err
		}
	}
	return q, nil
}

// maxIDs bounds the ids of one query.
const maxIDs = 100

func (q *Query) field(f *dataform.Field) (err error) {
	value := strings.TrimSpace(f.Value())
	switch f.Var {
	case "FORM_TYPE", "":
	case fieldWith:
		q.With = value
	case fieldStart:
		q.Start, err = stamp(f.Var, value)
	case fieldEnd:
		q.End, err = stamp(f.Var, value)
	case fieldAfter:
		q.AfterID = value
	case fieldBefore:
		q.BeforeID = value
	case fieldIDs:
		if q.IDs = f.Values; len(q.IDs) > maxIDs {
			err = fmt.Errorf("more than %d ids", maxIDs)
		}
	default:
		err = fmt.Errorf("the field %.100q is %w", f.Var, ErrUnsupported)
	}
	return err
}

func stamp(name, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := delay.ParseStamp(value)
	if err != nil {
		return t, fmt.Errorf("%s is not a time of XEP-0082", name)
	}
	if t.Unix() < 0 {
		t = time.Unix(0, 0) // as far back as any archive, and not the zero time
	}
	return t, nil
}

// Form is the form of a query, to fill in (XEP-0313 §4.1.5).
func Form() *dataform.Form {
	return dataform.New(dataform.TypeForm, FormType).Add(
		dataform.Field{Var: fieldWith, Type: dataform.JIDSingle},
		dataform.Field{Var: fieldStart, Type: dataform.TextSingle},
		dataform.Field{Var: fieldEnd, Type: dataform.TextSingle},
		dataform.Field{Var: fieldBefore, Type: dataform.TextSingle},
		dataform.Field{Var: fieldAfter, Type: dataform.TextSingle},
		dataform.Field{Var: fieldIDs, Type: dataform.ListMulti},
	)
}
