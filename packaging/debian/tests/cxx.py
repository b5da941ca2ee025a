# SPDX-License-Identifier: GPL-2.0-or-later
"""An installation as the C++ Spectrum 2 left it: its tables in SQLite and in
PostgreSQL, two users with contacts, and the statements with which it works on
them."""
import os
import pathlib
import sqlite3

from world import run

USERS = """\
INSERT INTO users (jid, uin, password, language, encoding, last_login, vip, online) VALUES
  ('romeo@localhost', 'romeo_m', 'old-password', 'en', 'utf8', '2014-05-06 07:08:09', {no}, {no}),
  ('juliet@localhost', 'juliet_c', '', 'it', 'utf8', NULL, {yes}, {no});
INSERT INTO users_settings (user_id, var, type, value) VALUES (1, 'enable_transport', 0, '1'), (1, 'send_headlines', 0, '0');
INSERT INTO buddies (user_id, uin, subscription, groups, nickname, flags) VALUES
  (1, 'mercutio', 'both', 'Friends\n"Verona", & others', 'Mercutio', 1), (1, 'tybalt', 'ask', '', '', 0);
INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) VALUES (1, 1, 'icon_hash', 2, 'ccdd');
"""

SQLITE = """\
CREATE TABLE IF NOT EXISTS buddies (  id INTEGER PRIMARY KEY NOT NULL,  user_id int(10) NOT NULL,  uin varchar(255) NOT NULL,  subscription varchar(20) NOT NULL,  nickname varchar(255) NOT NULL,  groups varchar(255) NOT NULL,  flags int(4) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX IF NOT EXISTS user_id ON buddies (user_id, uin);
CREATE TABLE IF NOT EXISTS buddies_settings (  user_id int(10) NOT NULL,  buddy_id int(10) NOT NULL,  var varchar(50) NOT NULL,  type int(4) NOT NULL,  value varchar(255) NOT NULL,  PRIMARY KEY (buddy_id, var));
CREATE INDEX IF NOT EXISTS user_id02 ON buddies_settings (user_id);
CREATE TABLE IF NOT EXISTS users (  id INTEGER PRIMARY KEY NOT NULL,  jid varchar(255) NOT NULL,  uin varchar(4095) NOT NULL,  password varchar(255) NOT NULL,  language varchar(25) NOT NULL,  encoding varchar(50) NOT NULL DEFAULT 'utf8',  last_login datetime,  vip int(1) NOT NULL DEFAULT '0',  online int(1) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX IF NOT EXISTS jid ON users (jid);
CREATE TABLE IF NOT EXISTS users_settings (  user_id int(10) NOT NULL,  var varchar(50) NOT NULL,  type int(4) NOT NULL,  value varchar(4095) NOT NULL,  PRIMARY KEY (user_id, var));
CREATE INDEX IF NOT EXISTS user_id03 ON users_settings (user_id);
CREATE TABLE IF NOT EXISTS db_version (  ver INTEGER NOT NULL DEFAULT '3');
REPLACE INTO db_version (ver) values(3);
"""

POSTGRESQL = """\
CREATE TABLE buddies_settings (user_id integer NOT NULL, buddy_id integer NOT NULL, var varchar(50) NOT NULL, type smallint NOT NULL, value varchar(255) NOT NULL, PRIMARY KEY (buddy_id, var));
CREATE TYPE Subscription AS ENUM ('to', 'from', 'both', 'ask', 'none');
CREATE TABLE buddies (id SERIAL, user_id integer NOT NULL, uin varchar(255) NOT NULL, subscription Subscription NOT NULL, nickname varchar(255) NOT NULL, groups varchar(255) NOT NULL, flags smallint NOT NULL DEFAULT '0', PRIMARY KEY (id), UNIQUE (user_id, uin));
CREATE TABLE users (id SERIAL, jid varchar(255) NOT NULL, uin varchar(4095) NOT NULL, password varchar(255) NOT NULL, language varchar(25) NOT NULL, encoding varchar(50) NOT NULL DEFAULT 'utf8', last_login timestamp, vip boolean NOT NULL DEFAULT 'false', online boolean NOT NULL DEFAULT 'false', PRIMARY KEY (id), UNIQUE (jid));
CREATE TABLE users_settings (user_id integer NOT NULL, var varchar(50) NOT NULL, type smallint NOT NULL, value varchar(255) NOT NULL, PRIMARY KEY (user_id, var));
CREATE TABLE db_version (ver integer NOT NULL DEFAULT '1', UNIQUE (ver));
INSERT INTO db_version (ver) VALUES ('1');
"""

# What the C++ version asks at a login, and what it writes then.
LOGIN = "SELECT id, jid, uin, password, encoding, language, vip FROM users WHERE jid='romeo@localhost'"
CONTACTS = "SELECT id, uin, subscription, nickname, groups, flags FROM buddies WHERE user_id=1 ORDER BY id ASC"
WRITES = (
    "UPDATE users SET online={yes}, last_login='2014-05-06 07:08:10' WHERE id=1",
    "DELETE FROM buddies WHERE user_id=1 AND uin='benvolio'",
    "INSERT INTO buddies (user_id, uin, subscription, groups, nickname, flags) VALUES (1, 'benvolio', 'both', 'Friends', 'Benvolio', 0)",
    "UPDATE users_settings SET value='1' WHERE user_id=1 AND var='send_headlines'",
    "DELETE FROM buddies WHERE id=2",
)


def make_sqlite(path, owner):
    """Makes the database file, its owner's alone with its folder."""
    folder = os.path.dirname(path)
    os.makedirs(folder)
    db = sqlite3.connect(path)
    db.executescript(SQLITE + USERS.format(yes=1, no=0))
    db.close()
    run("chown", "-R", owner, folder)
    os.chmod(folder, 0o700)
    os.chmod(path, 0o600)


def psql(sql, database="spectrum", user="postgres"):
    """What PostgreSQL answers, columns parted by |."""
    return run("sudo", "-n", "-u", user, "psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-", input=sql, cwd="/").strip()


def make_postgresql(database):
    """Makes the tables in a database of the user spectrum."""
    psql(POSTGRESQL + USERS.format(yes="true", no="false"), database, "spectrum")


def works_on_sqlite(path):
    """The C++ version goes back to work; returns the user and his contacts before that."""
    db = sqlite3.connect(path)
    try:
        before = db.execute(LOGIN).fetchall() + db.execute(CONTACTS).fetchall()
        for sql in WRITES:
            db.execute(sql.format(yes=1))
        db.commit()
        return before
    finally:
        db.close()


def works_on_postgresql(database):
    before = psql(LOGIN + ";" + CONTACTS, database, "spectrum")
    psql(";".join(WRITES).format(yes="true"), database, "spectrum")
    return before


def files(name, jid, secret, database):
    """The configuration and its log4cxx file; returns the path of the first."""
    folder = pathlib.Path("/etc/spectrum2/transports")
    folder.mkdir(parents=True, exist_ok=True)
    logging = pathlib.Path("/etc/spectrum2/logging.cfg")
    logging.write_text("log4j.rootLogger=info, R\nlog4j.appender.R=org.apache.log4j.RollingFileAppender\n")
    path = folder / (name + ".cfg")
    path.write_text("""\
[service]
user = daemon
group = daemon
jid = %s
password = %s
server = 127.0.0.1
port = 5347
server_mode = 0
backend_host = localhost
pidfile = /var/run/spectrum2/%s.pid
backend = /usr/bin/spectrum2_irc_backend
irc_server = 127.0.0.1:6667
users_per_backend = 10

[logging]
config = /etc/spectrum2/logging.cfg

[database]
%s""" % (jid, secret, name, database))
    path.chmod(0o600)
    return str(path)
