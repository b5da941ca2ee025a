// SPDX-License-Identifier: GPL-2.0-or-later

// Package storetest is the suite that every store.Store passes.
package storetest

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

// Opener opens an empty database that is the test's own. Called again for the
// same test, after Close, it opens the same database again.
type Opener func(t *testing.T) store.Store

// Run tests a store's implementation.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

var tests = map[string]func(*testing.T, Opener){
	"user is created once":                   createdOnce,
	"user is unknown":                        unknownUser,
	"user is updated":                        updated,
	"user's odd values survive":              oddValues,
	"users are listed in pages":              listed,
	"online users are listed":                online,
	"settings are kept with the user":        settings,
	"deleting a user leaves no trace":        deleted,
	"number of a user is never given again":  numbersOnce,
	"nothing is written for a removed user":  nothingForRemoved,
	"contacts are put and deleted":           contacts,
	"contacts of users are apart":            contactsApart,
	"waiting messages keep their order":      waiting,
	"waiting message is kept once by key":    waitingOnce,
	"full queue loses nothing":               waitingFull,
	"delivered messages are the user's own":  deliveredOwn,
	"contacts are put together":              contactsTogether,
	"rooms are put and deleted":              rooms,
	"archive is read in pages":               archivePages,
	"archived messages are found by id":      archiveByID,
	"message is archived once by id":         archivedOnce,
	"archive's odd values survive":           archiveOddValues,
	"old archived messages are purged":       archivePurged,
	"removed user has no archive":            archiveAllOrNone,
	"personal items are put and forgotten":   personalKept,
	"personal changes are made together":     personalAllOrNone,
	"personal items' odd values survive":     personalOddValues,
	"personal items are measured":            personalSize,
	"user is claimed":                        claimed,
	"everything is there after reopening":    reopened,
	"migrating again changes nothing":        migrateAgain,
	"status counts users":                    status,
	"backup is whole and overwrites nothing": backup,
	"concurrent writers and readers":         concurrent,
	"context that ended writes nothing":      cancelled,
	"closed store refuses":                   closed,
}

// migrated opens the database and brings its schema up to date.
func migrated(t *testing.T, open Opener) store.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() { _ = s.Close() }) // some tests close before
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addUser registers one and returns him as the store has him.
func addUser(t *testing.T, s store.Store, jid string) *store.User {
	t.Helper()
	u := &store.User{JID: jid, Name: "name of " + jid, Password: "password of " + jid, Language: "en", Encoding: "utf8"}
	must(t, s.CreateUser(t.Context(), u))
	return u
}
