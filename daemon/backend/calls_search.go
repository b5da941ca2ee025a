// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// maxFound is how many people one search shows.
const maxFound = 500

// searchCall is answered in any case: somebody waits for it.
func searchCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.Search)
	return call{
		name: "search",
		asks: true,
		run: func(ctx context.Context, s Session) {
			answer := searchFailed(m, textPanic)
			defer func() { u.sendFrame(answer) }()
			answer = runSearch(ctx, u, s, m)
		},
		refuse: func(reason string) { u.sendFrame(searchFailed(m, reason)) },
	}
}

func runSearch(ctx context.Context, u *User, s Session, m *pbnetwork.Search) pbnetwork.Frame {
	x, ok := s.(SearchSession)
	if !ok {
		return searchFailed(m, "This network has no directory.")
	}
	fields := make(map[string]string, len(m.GetField()))
	for _, f := range m.GetField() {
		if f.GetValue() != "" {
			fields[f.GetName()] = f.GetValue()
		}
	}
	found, err := x.Search(ctx, fields)
	if err != nil {
		u.log.Info("a call failed", "call", "search", "err", err)
		return searchFailed(m, sentence(err))
	}
	return searchResult(m, found)
}

func searchResult(m *pbnetwork.Search, found SearchResult) pbnetwork.Frame {
	rows, more := found.Rows, found.More
	if len(rows) > maxFound {
		rows, more = rows[:maxFound], true
	}
	r := &pbnetwork.SearchResult{User: m.User, Id: m.Id, More: flag(more)}
	for _, c := range found.Columns {
		r.Column = append(r.Column, &pbnetwork.SearchColumn{Name: &c.Name, Label: text(c.Label)})
	}
	for _, row := range rows {
		r.Row = append(r.Row, &pbnetwork.SearchRow{Contact: &row.Contact, Value: row.Values})
	}
	return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT, Message: r}
}

func searchFailed(m *pbnetwork.Search, reason string) pbnetwork.Frame {
	failed := true
	return pbnetwork.Frame{
		Type:    pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT,
		Message: &pbnetwork.SearchResult{User: m.User, Id: m.Id, Failed: &failed, Reason: text(reason)},
	}
}
