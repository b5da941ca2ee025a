// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"
	"fmt"
	"log/slog"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// oldest is the first server that knows everything that is asked of it, as
// its server_version_num.
var oldest = 90600

// look refuses a database that cannot be used, and warns where "kept" would
// not mean "on the disk".
func look(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	for _, f := range []func(context.Context, sqlstore.Exec, *slog.Logger) error{lookServer, lookEncoding, lookSchema, lookDisk} {
		if err := f(ctx, e, log); err != nil {
			return err
		}
	}
	return nil
}

func lookServer(ctx context.Context, e sqlstore.Exec, _ *slog.Logger) error {
	var number int
	var name string
	var standby bool
	err := e.Get(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery()", nil, &number, &name, &standby)
	switch {
	case err != nil:
		return err
	case number < oldest:
		return fmt.Errorf("the server is PostgreSQL %s, which is too old: Spectrum 2 needs %d.%d or newer", name, oldest/10000, oldest/100%100)
	case standby:
		return fmt.Errorf("the server is a standby, which is read-only: Spectrum 2 needs the primary " +
			"(database.connectionstring may name several hosts, with target_session_attrs=read-write)")
	}
	return nil
}

// lookEncoding lets an existing database have an encoding without most
// characters; a new one would only be the beginning of trouble.
func lookEncoding(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	var encoding, database string
	if err := e.Get(ctx, "SELECT current_setting('server_encoding'), current_database()", nil, &encoding, &database); err != nil || encoding == "UTF8" {
		return err
	}
	there, err := e.HasTable(ctx, "users")
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("the encoding of the new database is %s, which has not all characters: CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0 makes one that has", encoding, quote(database))
	}
	log.Warn("the database's encoding has not all characters; names and settings with others are refused", "encoding", encoding)
	return nil
}

// lookSchema sees to it that tables are made where the ones are that are
// there, and that database.user may.
func lookSchema(ctx context.Context, e sqlstore.Exec, _ *slog.Logger) error {
	var schema, of, user, path string
	var may bool
	err := e.Get(ctx, `SELECT COALESCE(current_schema(), ''), current_user, current_setting('search_path'), COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false),
  COALESCE((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ? AND c.relkind IN ('r', 'p', 'v') AND pg_catalog.pg_table_is_visible(c.oid)), '')`,
		[]any{e.Table("users")}, &schema, &user, &path, &may, &of)
	if err != nil {
		return err
	}
	pending, err := isPending(ctx, e)
	switch {
	case err != nil || !pending:
		return err
	case schema == "":
		return fmt.Errorf("there is no schema to make tables in (search_path is %s): CREATE SCHEMA %s AUTHORIZATION %[2]s, or ALTER ROLE %[2]s SET search_path", path, quote(user))
	case of != "" && of != schema:
		return fmt.Errorf("the table %s is in the schema %s, and new ones would be made in %s: ALTER ROLE %s SET search_path = %s",
			e.Table("users"), of, schema, quote(user), quote(of))
	case !may:
		return fmt.Errorf("database.user may not make tables in the schema %s: GRANT CREATE ON SCHEMA %s TO %s, or make it the owner of the database", schema, quote(schema), quote(user))
	}
	return nil
}

// isPending reports whether there is something left to make.
func isPending(ctx context.Context, e sqlstore.Exec) (bool, error) {
	there, err := e.HasTable(ctx, "spectrum2_migrations")
	if err != nil || !there {
		return true, err
	}
	var last int
	err = e.Get(ctx, "SELECT COALESCE(MAX(number), 0) FROM {spectrum2_migrations}", nil, &last)
	return last < migrations[len(migrations)-1].Number, err
}

func lookDisk(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	var commit, fsync string
	err := e.Get(ctx, "SELECT current_setting('synchronous_commit'), current_setting('fsync')", nil, &commit, &fsync)
	if err == nil && (commit == "off" || fsync == "off") {
		log.Warn("the PostgreSQL server may lose messages that it has confirmed", "synchronous_commit", commit, "fsync", fsync)
	}
	return err
}
