// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"spectrum.im/spectrum2/daemon/store"
)

// errTooSlow is the cause of a deadline of ours.
var errTooSlow = errors.New("it did not answer in time")

// ErrNotTaken: the tables do not take a value.
var ErrNotTaken = errors.New("the database's tables do not take it")

// verdict asks the dialect, and knows what every driver may return.
func (d *DB) verdict(err error) Verdict {
	if err == nil {
		return Verdict{}
	}
	if errors.Is(err, errRaced) {
		return Verdict{Retry, "others write the same"}
	}
	if v := d.lang.Classify(err); v.Class != Other {
		return v
	}
	var op *net.OpError
	var dns *net.DNSError
	var network net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return Verdict{Away, "its certificate is not good"}
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return Verdict{Away, "it cannot be reached: does it run there, at this database.server and database.port?"}
	case errors.As(err, &network) && network.Timeout():
		return Verdict{Away, "it does not answer"}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network), errors.Is(err, net.ErrClosed):
		return Verdict{Lost, "the connection ended"}
	}
	return Verdict{}
}

// explain adds what was done, and wraps store.ErrUnavailable where nothing but
// the database is to blame. ctx is one of limit's.
func (d *DB) explain(ctx context.Context, verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists), errors.Is(err, store.ErrFenced), errors.Is(err, store.ErrFull),
		errors.Is(err, store.ErrUnavailable):
		return err
	case d.closed.Load(), errors.Is(err, sql.ErrConnDone):
		return fmt.Errorf("%s database: %w: it was closed", verb, store.ErrUnavailable)
	case ctx.Err() != nil && context.Cause(ctx) == errTooSlow:
		return fmt.Errorf("%s %s: %w: %w", verb, d.o.Location, store.ErrUnavailable, errTooSlow)
	case ctx.Err() != nil:
		return fmt.Errorf("%s database: %w", verb, ctx.Err())
	}
	switch v := d.verdict(err); v.Class {
	case Away, Lost, Slow, Retry, Crowded:
		return fmt.Errorf("%s %s: %w: %s (%w)", verb, d.o.Location, store.ErrUnavailable, v.Sentence, err)
	case Refused: // the server's own text may have the value in it
		return fmt.Errorf("%s database: %w: %s", verb, ErrNotTaken, v.Sentence)
	}
	return fmt.Errorf("%s database: %w", verb, err)
}
