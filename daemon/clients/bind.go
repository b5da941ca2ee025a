// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// replaceTimeout is how long a new connection waits for the end of the one that
// it replaces.
const replaceTimeout = 10 * time.Second

// Bind gives a connection its place (RFC 6120 §7). The client's wish is
// honoured; a connection that has the resource is replaced, and so are all
// others where the instance allows one client. It returns when they have
// ended. Errors are *server.BindError, ErrClosed, and ctx's.
func (u *User) Bind(ctx context.Context, conn Conn, wish string) (string, *Client, error) {
	select {
	case u.binding <- struct{}{}:
	case <-ctx.Done():
		return "", nil, ctx.Err()
	}
	defer func() { <-u.binding }()

	full, err := u.full(wish)
	if err != nil {
		return "", nil, &server.BindError{Condition: xmpp.BadRequest, Text: "This is no resource"}
	}
	c := &Client{u: u, conn: conn, resource: full.Resourcepart(), full: full.String(), ended: make(chan struct{})}
	p, err := u.place(ctx, c)
	if err == nil {
		err = u.settle(ctx, c, p)
	}
	if err != nil {
		u.unplace(p, c.resource)
		return "", nil, err
	}
	return c.resource, c, nil
}

// full is the JID with the resource that the client wishes, or a random one.
func (u *User) full(wish string) (jid.JID, error) {
	if wish == "" {
		wish = strings.ToLower(rand.Text()[:12])
	}
	j, err := u.o.User.Bare().WithResource(wish)
	if err == nil && j.Resourcepart() == "" {
		err = errors.New("empty resource")
	}
	return j, err
}

// place is what a new client replaces.
type place struct {
	// victims are the connections that have to end.
	victims []*Client
	// heir is the one of them whose attachment the new client takes over, nil
	// where the session has to be told.
	heir *Client
}

// place finds room for a client, waiting for one with its resource that is
// leaving already.
func (u *User) place(ctx context.Context, c *Client) (p place, err error) {
	set := u.o.Settings()
	most := set.MaxPerAccount
	if most <= 0 {
		most = DefaultClients
	}
	var leaving *Client
	u.do(func() {
		if u.closed {
			err = ErrClosed
			return
		}
		for _, o := range u.list {
			if !set.MoreResources || o.resource == c.resource {
				p.victims = append(p.victims, o)
			}
		}
		if len(u.list)-len(p.victims) >= most {
			p.victims = nil
			err = &server.BindError{Condition: xmpp.ResourceConstraint, Text: "You have too many clients already"}
			return
		}
		if o := u.find(c.resource); o != nil {
			o.handover, p.heir = true, o
		}
		if i := slices.IndexFunc(u.leaving, func(o *Client) bool { return o.resource == c.resource }); i >= 0 {
			leaving = u.leaving[i]
		}
	})
	if err == nil && leaving != nil {
		err = allGone(ctx, c.resource, leaving)
	}
	return p, err
}

// settle attaches the client to the session, ends those that it replaces and
// adds it to the list.
func (u *User) settle(ctx context.Context, c *Client, p place) error {
	attached := p.heir == nil
	if s := u.session.Load(); s != nil && attached {
		if err := (*s).Attached(ctx, c.resource); err != nil {
			return bindError(err)
		}
	}
	err := replace(ctx, c, p.victims)
	if err == nil {
		u.do(func() {
			if u.closed {
				err = ErrClosed
			} else {
				u.list = append(u.list, c)
			}
		})
	}
	if err != nil && attached {
		u.detach(c.resource)
	}
	return err
}

// replace ends the victims with a conflict and waits for them.
func replace(ctx context.Context, c *Client, victims []*Client) error {
	for _, o := range victims {
		o.conn.Close(xmpp.ConflictStream, "Replaced by a new connection")
	}
	return allGone(ctx, c.resource, victims...)
}

// allGone waits until the clients have ended, not for ever; it fails where the
// one that has the resource does not.
func allGone(ctx context.Context, resource string, list ...*Client) error {
	limited, cancel := context.WithTimeout(ctx, replaceTimeout)
	defer cancel()
	for _, o := range list {
		switch err := o.gone(limited); {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case o.resource == resource:
			return &server.BindError{Condition: xmpp.Conflict, Text: "The connection that has this resource does not end"}
		}
	}
	return nil
}

// gone waits until the client has ended.
func (c *Client) gone(ctx context.Context) error {
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unplace takes back what place did for a client that was not bound after all.
func (u *User) unplace(p place, resource string) {
	if p.heir == nil {
		return
	}
	orphaned := false
	u.do(func() {
		orphaned = u.find(resource) != p.heir
		p.heir.handover = false
	})
	if orphaned {
		// It left believing that somebody takes over.
		u.later("end of a client", func(ctx context.Context) {
			_ = p.heir.gone(ctx)
			u.tellDetached(ctx, resource)
		})
	}
}

// detach takes back the attachment of a client that was not bound.
func (u *User) detach(resource string) {
	u.later("end of a client", func(ctx context.Context) { u.tellDetached(ctx, resource) })
}

func (u *User) tellDetached(ctx context.Context, resource string) {
	s := u.session.Load()
	if s == nil {
		return
	}
	if err := (*s).Detached(ctx, resource); err != nil {
		u.o.Log.Debug("session not told of a client's end", "resource", resource, "err", err)
	}
}

func bindError(err error) error {
	var refused *Error
	if errors.As(err, &refused) {
		return &server.BindError{Condition: refused.Condition, Text: refused.Text}
	}
	return err
}

// refusal is what a client is told of an error of the session's.
func refusal(err error) *Error {
	var refused *Error
	if errors.As(err, &refused) {
		return refused
	}
	return &Error{xmpp.RecipientUnavailable, "This cannot be done now; try again later"}
}
