// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import "strings"

// databases are what --database takes: how the [database] of a new instance
// begins, with a server of the same machine that knows the service's user by
// its socket. $db is the name of the database.
var databases = map[string]string{
	"sqlite3": "type = sqlite3\n",
	"pqxx": `type = pqxx
# PostgreSQL of this machine: it knows the service's user by its socket, without
# a password.
server = /run/postgresql
user = spectrum
database = $db
`,
	"mysql": `type = mysql
# MariaDB or MySQL of this machine: it knows the service's user by its socket,
# without a password.
user = spectrum
database = $db
`,
	"none": "type = none\n",
}

// databaseSteps are the commands that make such a database, once.
var databaseSteps = map[string][]string{
	"pqxx": {
		"sudo -u postgres createuser spectrum",
		"sudo -u postgres createdb --owner=spectrum --encoding=UTF8 --template=template0 $db",
	},
	"mysql": {
		`sudo mariadb -e "CREATE DATABASE $db CHARACTER SET utf8mb4"`,
		`sudo mariadb -e "CREATE USER IF NOT EXISTS spectrum@localhost IDENTIFIED VIA unix_socket"`,
		`sudo mariadb -e "GRANT ALL ON $db.* TO spectrum@localhost"`,
	},
}

// databaseNames are the words for completion and help.
var databaseNames = []string{"sqlite3", "pqxx", "mysql", "none"}

// checkDatabase takes the flag's value, by one of its names.
func (d *draft) checkDatabase() error {
	switch d.database {
	case "":
		d.database = "sqlite3"
	case "postgresql", "postgres":
		d.database = "pqxx"
	case "mariadb":
		d.database = "mysql"
	}
	if databases[d.database] == "" {
		return usageError("%q is no database that --database knows: %s", d.database, strings.Join(databaseNames, ", "))
	}
	return nil
}

// databaseText is the beginning of [database].
func (d draft) databaseText() string { return d.inDatabase(databases[d.database]) }

// databaseSteps are what the administrator does on the database server.
func (d draft) databaseSteps() []string {
	var out []string
	for _, s := range databaseSteps[d.database] {
		out = append(out, d.inDatabase(s))
	}
	return out
}

func (d draft) inDatabase(text string) string {
	return strings.ReplaceAll(text, "$db", "spectrum_"+strings.ReplaceAll(d.name, ".", "_"))
}
