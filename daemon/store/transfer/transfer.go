// SPDX-License-Identifier: GPL-2.0-or-later

// Package transfer writes everything that a store keeps to one file of JSON
// Lines and reads it into another store, of whatever type. It knows
// store.Store and nothing of databases.
//
// The first line is the header. Each user's line is followed by the lines of
// what is his: contacts, waiting messages, rooms, archive, what his clients
// keep. The last line has the counts of all, and the SHA-256 of every byte
// before it: a file without it was cut off.
package transfer

import (
	"time"
)

// Format is the highest version of the format that this package reads, and the
// one that it writes.
const Format = 1

// Header is the first line's content.
type Header struct {
	Format int `json:"format"`
	// Program is the version of the program that wrote it.
	Program string `json:"program,omitempty"`
	// Database is the type of the database it was read from.
	Database string `json:"database,omitempty"`
	// JID is the transport's.
	JID  string    `json:"jid"`
	Date time.Time `json:"date"`
	// Passwords: those of users and rooms are in the file, readable.
	Passwords bool `json:"passwords"`
}

// Counts are the records of a file, by kind.
type Counts struct {
	Users    int `json:"users"`
	Contacts int `json:"contacts"`
	Waiting  int `json:"waiting"`
	Rooms    int `json:"rooms"`
	Archived int `json:"archived"`
	Personal int `json:"personal"`
}

// record is one line; one field of it is set.
type record struct {
	Header   *Header   `json:"spectrum2_export,omitempty"`
	User     *user     `json:"user,omitempty"`
	Contact  *contact  `json:"contact,omitempty"`
	Waiting  *waiting  `json:"waiting,omitempty"`
	Room     *room     `json:"room,omitempty"`
	Archived *archived `json:"archived,omitempty"`
	Personal *personal `json:"personal,omitempty"`
	End      *end      `json:"end,omitempty"`
}

type user struct {
	JID       text            `json:"jid"`
	Name      text            `json:"name"`
	Password  *text           `json:"password,omitempty"`
	Language  text            `json:"language,omitempty"`
	Encoding  text            `json:"encoding,omitempty"`
	LastLogin *time.Time      `json:"last_login,omitempty"`
	VIP       bool            `json:"vip,omitempty"`
	Online    bool            `json:"online,omitempty"`
	Settings  map[string]text `json:"settings,omitempty"`
}

type contact struct {
	Name         text            `json:"name"`
	Subscription text            `json:"subscription"`
	Nickname     text            `json:"nickname,omitempty"`
	Groups       []text          `json:"groups,omitempty"`
	Flags        int64           `json:"flags,omitempty"`
	Settings     map[string]text `json:"settings,omitempty"`
}

type waiting struct {
	Key    text      `json:"key"`
	Stanza text      `json:"stanza"`
	At     time.Time `json:"at"`
}

type room struct {
	Name     text  `json:"name"`
	Nickname text  `json:"nickname,omitempty"`
	Password *text `json:"password,omitempty"`
}

type archived struct {
	Seq      int64 `json:"seq"`
	Room     bool  `json:"room,omitempty"`
	Peer     text  `json:"peer"`
	Resource text  `json:"resource,omitempty"`
	ID       text  `json:"id"`
	Stanza   text  `json:"stanza"`
}

type personal struct {
	Kind  text  `json:"kind"`
	Node  text  `json:"node"`
	Item  text  `json:"item"`
	Order int64 `json:"order,omitempty"`
	Value text  `json:"value"`
}

// end is the last line's content.
type end struct {
	Counts
	SHA256 string `json:"sha256"`
}
