// SPDX-License-Identifier: GPL-2.0-or-later

package config

const (
	databaseRestart = "the database is opened at start"
	laterDatabase   = "MySQL and PostgreSQL"
	laterArchive    = "the message archive"
	laterLocal      = "checking local accounts"
)

var identityKeys = []Key{
	{Section: "vhosts", Name: "vhost", main: true, check: checkDomain, field: func(c *Config) any { return &c.VHosts },
		Restart: "every address of the transport is made of it",
		Doc:     "Further domains that the C++ version served from one file. Here one file is one domain: it has no effect, and spectrumctl adopt writes a file for each."},
	{Section: "identity", Name: "name", Default: "Spectrum 2 Transport", main: true, field: func(c *Config) any { return &c.Identity.Name },
		Doc: "The transport's name in service discovery."},
	{Section: "identity", Name: "category", Default: "gateway", main: true, field: func(c *Config) any { return &c.Identity.Category },
		Doc: "Its category there."},
	{Section: "identity", Name: "type", main: true, field: func(c *Config) any { return &c.Identity.Type },
		Doc: "Its type there: irc, icq, xmpp."},
	{Section: "gateway_responder", Name: "prompt", Default: "Contact ID", main: true, field: func(c *Config) any { return &c.GatewayResponder.Prompt },
		Doc: "What a client asks a user who adds a contact (jabber:iq:gateway)."},
	{Section: "gateway_responder", Name: "label", Default: "Enter legacy network contact ID.", main: true, field: func(c *Config) any { return &c.GatewayResponder.Label },
		Doc: "The sentence beside it."},
	{Section: "settings", Name: "send_headlines", Default: "0", main: true, field: func(c *Config) any { return &c.Settings.SendHeadlines },
		Doc: "Default of the user's setting: forward the network's headlines."},
	{Section: "settings", Name: "stay_connected", Default: "0", main: true, field: func(c *Config) any { return &c.Settings.StayConnected },
		Doc: "Default of the user's setting: stay on the network when the XMPP client is offline."},
}

var registrationKeys = []Key{
	{Section: "registration", Name: "enable_public_registration", Default: "1", main: true, field: func(c *Config) any { return &c.Registration.EnablePublicRegistration },
		Doc: "0: only users of allowed_servers and administrators may register."},
	{Section: "registration", Name: "instructions", Default: "Enter your legacy network username and password.", main: true, field: func(c *Config) any { return &c.Registration.Instructions },
		Doc: "Text of the registration form."},
	{Section: "registration", Name: "username_label", Default: "3rd-party network username", main: true, field: func(c *Config) any { return &c.Registration.UsernameLabel },
		Doc: "Label of the name in the form."},
	{Section: "registration", Name: "password_label", Default: "3rd-party network password", main: true, field: func(c *Config) any { return &c.Registration.PasswordLabel },
		Doc: "Label of the password in the form."},
	{Section: "registration", Name: "username_mask", main: true, check: checkMask, field: func(c *Config) any { return &c.Registration.UsernameMask },
		Doc: "Template around the name that a user gives: $username@example.org."},
	{Section: "registration", Name: "allowed_usernames", main: true, check: checkRegexp, field: func(c *Config) any { return &c.Registration.AllowedUsernames },
		Doc: "Regular expression that matches the whole of every allowed name, after the mask."},
	{Section: "registration", Name: "auto_register", Default: "0", main: true, field: func(c *Config) any { return &c.Registration.AutoRegister },
		Doc: "1: a user is registered by his first presence or by joining a room."},
	{Section: "registration", Name: "language", Default: "en", main: true, field: func(c *Config) any { return &c.Registration.Language },
		Doc: "Kept with a new user."},
	{Section: "registration", Name: "encoding", Default: "utf8", main: true, field: func(c *Config) any { return &c.Registration.Encoding },
		Doc: "Kept with a new user."},
	{Section: "registration", Name: "require_local_account", Default: "0", main: true, field: func(c *Config) any { return &c.Registration.RequireLocalAccount },
		Doc: "1: who registers has to log in to an XMPP account of local_account_server too."},
	{Section: "registration", Name: "local_username_label", Default: "Local username:", main: true, Later: laterLocal, field: func(c *Config) any { return &c.Registration.LocalUsernameLabel },
		Doc: "Label of that account's name in the form."},
	{Section: "registration", Name: "local_account_server", Default: "localhost", main: true, Later: laterLocal, check: checkHost, field: func(c *Config) any { return &c.Registration.LocalAccountServer },
		Doc: "The XMPP server of those accounts."},
	{Section: "registration", Name: "local_account_server_timeout", Type: Milliseconds, Default: "10000", main: true, Later: laterLocal, field: func(c *Config) any { return &c.Registration.LocalAccountServerTimeout },
		Doc: "How long it may take to answer."},
	{Section: "registration", Name: "notify_jid", main: true, check: checkJID, field: func(c *Config) any { return &c.Registration.NotifyJID },
		Doc: "Is told of each user who registers or unregisters. May be given several times."},
}

var databaseKeys = []Key{
	{Section: "database", Name: "type", Default: "sqlite3 (gateway), none (server mode)", byMode: mode("sqlite3", "none"), main: true, Restart: databaseRestart,
		fold: true, check: oneOf("sqlite3", "none", "mysql", "pqxx", "postgresql"), field: func(c *Config) any { return &c.Database.Type },
		Doc: "sqlite3, none, mysql, or pqxx for PostgreSQL."},
	{Section: "database", Name: "database", Default: "/var/lib/spectrum2/$jid/database.sql", main: true, Restart: databaseRestart, check: checkNotEmpty, field: func(c *Config) any { return &c.Database.Database },
		Doc: "SQLite: the file. Otherwise the database's name."},
	{Section: "database", Name: "server", Default: "localhost", main: true, Restart: databaseRestart, Later: laterDatabase, field: func(c *Config) any { return &c.Database.Server },
		Doc: "Host of the database server."},
	{Section: "database", Name: "port", Default: "0", main: true, Restart: databaseRestart, Later: laterDatabase, check: checkPortOrNone, field: func(c *Config) any { return &c.Database.Port },
		Doc: "Its port; 0 is the usual one."},
	{Section: "database", Name: "user", main: true, Restart: databaseRestart, Later: laterDatabase, field: func(c *Config) any { return &c.Database.User },
		Doc: "User to log in there as."},
	{Section: "database", Name: "password", main: true, Restart: databaseRestart, Later: laterDatabase, field: func(c *Config) any { return &c.Database.Password },
		Doc: "That user's password."},
	{Section: "database", Name: "prefix", main: true, Restart: databaseRestart, check: checkPrefix, field: func(c *Config) any { return &c.Database.Prefix },
		Doc: "Stands before the name of each table."},
	{Section: "database", Name: "connectionstring", main: true, Restart: databaseRestart, Later: laterDatabase, field: func(c *Config) any { return &c.Database.ConnectionString },
		Doc: "PostgreSQL: instead of database, server, port, user and password."},
	{Section: "database", Name: "encryption_key", main: true, Restart: databaseRestart, field: func(c *Config) any { return &c.Database.EncryptionKey },
		Doc: "Users' passwords are encrypted with it in the database."},
	{Section: "database", Name: "vip_statement", main: true, Restart: databaseRestart, Later: laterDatabase, field: func(c *Config) any { return &c.Database.VIPStatement },
		Doc: "MySQL: a statement with $barejid; a row means VIP."},
	{Section: "archive", Name: "days", Default: "7", main: true, Later: laterArchive, check: atLeast(0), field: func(c *Config) any { return &c.Archive.Days },
		Doc: "How long messages are kept in the archive."},
	{Section: "archive", Name: "rooms", Default: "1", main: true, Later: laterArchive, field: func(c *Config) any { return &c.Archive.Rooms },
		Doc: "Rooms are archived too."},
}

var loggingKeys = []Key{
	{Section: "logging", Name: "config", main: true, field: func(c *Config) any { return &c.Logging.Config },
		Doc: "log4cxx file of the C++ version: its levels hold where logging.level is not given."},
	{Section: "logging", Name: "backend_config", field: func(c *Config) any { return &c.Logging.BackendConfig },
		Doc: "The same for backends."},
	{Section: "logging", Name: "file", Default: "/var/log/spectrum2/$jid/spectrum2.log", main: true, field: func(c *Config) any { return &c.Logging.File },
		Doc: "Log file beside the journal; empty is journal only. Reopened on SIGHUP."},
	{Section: "logging", Name: "level", Default: "info", fold: true, check: oneOf(levels...), field: func(c *Config) any { return &c.Logging.Level },
		Doc: "debug, info, warn or error; for one part as level.PART (level.xmpp = debug)."},
}

var backendKeys = []Key{
	{Section: "backend", Name: "default_avatar", field: func(c *Config) any { return &c.Backend.DefaultAvatar },
		Doc: "Image for contacts without one."},
	{Section: "backend", Name: "avatars_directory", field: func(c *Config) any { return &c.Backend.AvatarsDirectory },
		Doc: "Directory with images of contacts."},
	{Section: "backend", Name: "no_vcard_fetch", Default: "0", field: func(c *Config) any { return &c.Backend.NoVCardFetch },
		Doc: "1: contacts' details are not asked for, only their images."},
	{Section: "backend", Name: "incoming_dir", Default: "/var/spool/sms/incoming/", field: func(c *Config) any { return &c.Backend.IncomingDir },
		Doc: "SMS: directory of arriving messages."},
	{Section: "proxy", Name: "type", fold: true, Later: "proxies (networks are connected to directly)", check: oneOf("http", "socks4", "socks5"), field: func(c *Config) any { return &c.Proxy.Type },
		Doc: "Proxy for connections to the legacy network: http, socks4 or socks5."},
	{Section: "proxy", Name: "host", Aliases: []string{"proxy.server"}, check: checkHost, field: func(c *Config) any { return &c.Proxy.Host },
		Doc: "The proxy's host."},
	{Section: "proxy", Name: "port", Default: "0", check: checkPortOrNone, field: func(c *Config) any { return &c.Proxy.Port },
		Doc: "Its port."},
	{Section: "proxy", Name: "username", Aliases: []string{"proxy.user"}, field: func(c *Config) any { return &c.Proxy.Username },
		Doc: "User to log in there as."},
	{Section: "proxy", Name: "password", kept: true, field: func(c *Config) any { return &c.Proxy.Password },
		Doc: "That user's password."},
}

var scopeKeys = []Key{
	{Section: "scope", Name: "memory_max", main: true, check: checkMemory, field: func(c *Config) any { return &c.Scope.MemoryMax },
		Doc: "Each backend's MemoryMax=, as systemd writes it: 200M, 10%, infinity."},
	{Section: "scope", Name: "memory_high", main: true, check: checkMemory, field: func(c *Config) any { return &c.Scope.MemoryHigh },
		Doc: "Each backend's MemoryHigh=."},
	{Section: "scope", Name: "tasks_max", main: true, check: checkTasks, field: func(c *Config) any { return &c.Scope.TasksMax },
		Doc: "Each backend's TasksMax=: a number, a percentage, infinity."},
	{Section: "scope", Name: "cpu_weight", main: true, check: checkWeight, field: func(c *Config) any { return &c.Scope.CPUWeight },
		Doc: "Each backend's CPUWeight=: 1 to 10000, or idle."},
}
