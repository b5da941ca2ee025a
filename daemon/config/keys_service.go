// SPDX-License-Identifier: GPL-2.0-or-later

package config

const (
	linkRestart   = "the link to the XMPP server, or the port for clients, is opened at start"
	listenRestart = "the listener for backends is opened at start"
	portRestart   = "the port for clients is opened at start"
)

var serviceKeys = []Key{
	{Section: "service", Name: "jid", check: checkDomain, field: func(c *Config) any { return &c.Service.JID },
		Restart: "every address of the transport is made of it",
		Doc:     "Domain of the transport. Required. $jid in any other value is replaced by it."},
	{Section: "service", Name: "server_mode", Default: "0", field: func(c *Config) any { return &c.Service.ServerMode },
		Restart: "the instance would be another program",
		Doc:     "1: the instance is an XMPP server of its own. 0: it is a gateway, a component of another server."},
	{Section: "service", Name: "server", Default: "127.0.0.1 (gateway), every address (server mode)", byMode: mode("127.0.0.1", ""), check: checkHost, main: true,
		field: func(c *Config) any { return &c.Service.Server }, Restart: linkRestart,
		Doc: "Gateway: host of the XMPP server. Server mode: the address to listen on for clients, 127.0.0.1 or ::1 for this machine alone, 0.0.0.0 for IPv4 alone, :: for both."},
	{Section: "service", Name: "port", Default: "5347 (gateway), 5222 (server mode)", check: checkPort, byMode: mode("5347", "5222"), main: true,
		field: func(c *Config) any { return &c.Service.Port }, Restart: linkRestart,
		Doc: "Gateway: the XMPP server's port for components. Server mode: the port for clients."},
	{Section: "service", Name: "password", main: true, field: func(c *Config) any { return &c.Service.Password }, Restart: linkRestart, only: inGateway,
		Doc: "Secret that the XMPP server knows the component by."},
	{Section: "service", Name: "user", main: true, field: func(c *Config) any { return &c.Service.User },
		Restart: "the system's unit decides it",
		Doc:     "Accepted for existing files. The unit decides which user the transport runs as."},
	{Section: "service", Name: "group", main: true, field: func(c *Config) any { return &c.Service.Group },
		Restart: "the system's unit decides it",
		Doc:     "Accepted for existing files, like user."},
	{Section: "service", Name: "backend", Default: "libpurple_backend", check: checkNotEmpty, field: func(c *Config) any { return &c.Service.Backend },
		Restart: "every user would move to another program",
		Doc:     "The backend's program: a name (irc_backend), or a path. BACKEND_ID in it is replaced by the backend's number. Names and paths of the C++ version's packages mean our backend of that name."},
	{Section: "service", Name: "protocol", field: func(c *Config) any { return &c.Service.Protocol },
		Doc: "Network within the backend: a libpurple plugin's id (prpl-jabber), or any, where the user's name begins with it."},
	{Section: "service", Name: "pidfile", Default: "/run/spectrum2/$jid.pid", main: true, field: func(c *Config) any { return &c.Service.PIDFile },
		Restart: "it is written at start",
		Doc:     "Written only where it is set, or outside systemd."},
	{Section: "service", Name: "portfile", Default: "/run/spectrum2/$jid.port", main: true, field: func(c *Config) any { return &c.Service.PortFile },
		Later: "programs that look for the backends' port in a file",
		Doc:   "The port for backends that speak TCP."},
	{Section: "service", Name: "working_dir", Default: "/var/lib/spectrum2/$jid", check: checkNotEmpty, field: func(c *Config) any { return &c.Service.WorkingDir },
		Restart: "the state in use is there",
		Doc:     "Directory of the instance's state."},
	{Section: "service", Name: "allowed_servers", main: true, only: inGateway, check: checkDomain, field: func(c *Config) any { return &c.Service.AllowedServers },
		Doc: "Domain whose users may register and use the transport while public registration is off. May be given several times."},
	{Section: "service", Name: "users_per_backend", Default: "100", main: true, check: atLeast(1), field: func(c *Config) any { return &c.Service.UsersPerBackend },
		Doc: "How many users share one backend process."},
	{Section: "service", Name: "backend_host", Default: "127.0.0.1", main: true, check: checkHost, field: func(c *Config) any { return &c.Service.BackendHost },
		Restart: listenRestart,
		Doc:     "Address to listen on for backends that speak TCP."},
	{Section: "service", Name: "backend_port", Default: "0", main: true, check: checkPortOrNone, field: func(c *Config) any { return &c.Service.BackendPort },
		Restart: listenRestart,
		Doc:     "Port for backends that speak TCP; 0 is any free one, and none at all for our own backends."},
	{Section: "service", Name: "admin_jid", main: true, check: checkBareJID, field: func(c *Config) any { return &c.Service.AdminJID },
		Doc: "Administrator's JID. May be given several times."},
	{Section: "service", Name: "reuse_old_backends", Default: "1", main: true, field: func(c *Config) any { return &c.Service.ReuseOldBackends },
		Doc: "0: a backend that was full once gets no new users."},
	{Section: "service", Name: "idle_reconnect_time", Default: "0", main: true, Later: "moving idle users", field: func(c *Config) any { return &c.Service.IdleReconnectTime },
		Doc: "Users idle for longer move to a long-running backend; 0 is never."},
	{Section: "service", Name: "memory_collector_time", Default: "0", main: true, field: func(c *Config) any { return &c.Service.MemoryCollectorTime },
		Doc: "Every so often the largest backend stops taking users; 0 is never."},
	{Section: "service", Name: "enable_privacy_lists", Default: "1", field: func(c *Config) any { return &c.Service.EnablePrivacyLists },
		Doc: "Use the legacy network's privacy lists (libpurple)."},
	{Section: "service", Name: "enable_xhtml", Default: "1", field: func(c *Config) any { return &c.Service.EnableXHTML },
		Doc: "Forward formatted text (XHTML-IM)."},
	{Section: "service", Name: "enable_remove_buddy", Default: "0", field: func(c *Config) any { return &c.Service.EnableRemoveBuddy },
		Doc: "1: removing a contact in the XMPP client deletes it on the legacy network too."},
	{Section: "service", Name: "oob_replace_body", Default: "1", main: true, field: func(c *Config) any { return &c.Service.OOBReplaceBody },
		Doc: "A file's message has the file's URL as its only body."},
	{Section: "service", Name: "oob_split", Default: "0", main: true, field: func(c *Config) any { return &c.Service.OOBSplit },
		Doc: "1: a message with files is sent as one message for each part."},
	{Section: "service", Name: "max_room_list_size", Default: "100", main: true, check: atLeast(0), field: func(c *Config) any { return &c.Service.MaxRoomListSize },
		Doc: "How many rooms the transport lists (disco#items)."},
	{Section: "service", Name: "login_delay", Default: "0", main: true, field: func(c *Config) any { return &c.Service.LoginDelay },
		Doc: "Smallest gap between two logins to the legacy network."},
	{Section: "service", Name: "jid_escaping", Default: "1", field: func(c *Config) any { return &c.Service.JIDEscaping },
		Restart: "the addresses of contacts in users' rosters change with it",
		Doc:     "1: contacts' names are escaped by XEP-0106. 0: the last @ becomes %."},
	{Section: "service", Name: "vip_only", Default: "0", main: true, field: func(c *Config) any { return &c.Service.VIPOnly },
		Doc: "1: only users marked as VIP may use the transport."},
	{Section: "service", Name: "vip_message", main: true, field: func(c *Config) any { return &c.Service.VIPMessage },
		Doc: "What the others are told."},
	{Section: "service", Name: "reconnect_all_users", Default: "0", main: true, only: inGateway, field: func(c *Config) any { return &c.Service.ReconnectAllUsers },
		Doc: "1: after a start every registered user is probed, not only those who were online before."},
	{Section: "service", Name: "frontend", Default: "xmpp", main: true, fold: true, check: oneOf("xmpp"), field: func(c *Config) any { return &c.Service.Frontend },
		Restart: "the instance would be another program",
		Doc:     "The side that users are on; xmpp is the only one."},
	{Section: "service", Name: "web_directory", field: func(c *Config) any { return &c.Service.WebDirectory },
		Doc: "Directory for files received from the network, served by a web server."},
	{Section: "service", Name: "web_url", check: checkURL, field: func(c *Config) any { return &c.Service.WebURL },
		Doc: "URL under which web_directory can be reached."},
	{Section: "service", Name: "web_maximgsize", Default: "1000000", check: atLeast(0), field: func(c *Config) any { return &c.Service.WebMaxImgSize },
		Doc: "Largest image in bytes that is put there."},
	{Section: "service", Name: "verify_certs", Default: "1", field: func(c *Config) any { return &c.Service.VerifyCerts },
		Doc: "0: the legacy network's certificates are not verified."},
	{Section: "service", Name: "backend_drain", Default: "3600", main: true, field: func(c *Config) any { return &c.Service.BackendDrain },
		Doc: "How long backends of an older build or configuration may live on."},
}

// serverKeys are those of server mode.
var serverKeys = []Key{
	{Section: "service", Name: "cert", main: true, only: inServer, field: func(c *Config) any { return &c.Service.Cert },
		Doc: "Server mode: certificate file, PEM (certificate, its chain, and key where service.key does not name it) or PKCS#12. Without one, a self-signed certificate is made at the first start. A changed file is in use within half a minute."},
	{Section: "service", Name: "cert_password", main: true, only: inServer, field: func(c *Config) any { return &c.Service.CertPassword },
		Doc: "Server mode: password of the PKCS#12 file."},
	{Section: "service", Name: "key", main: true, only: inServer, field: func(c *Config) any { return &c.Service.Key },
		Doc: "Server mode: key file in PEM, where the key is not in cert."},
	{Section: "service", Name: "tls_port", Default: "0", main: true, only: inServer, check: checkPortOrNone, field: func(c *Config) any { return &c.Service.TLSPort },
		Doc: "Server mode: port for direct TLS (XEP-0368), usually 5223; 0 is none.", Restart: portRestart},
	{Section: "service", Name: "websocket_port", Default: "0", main: true, only: inServer, check: checkPortOrNone, field: func(c *Config) any { return &c.Service.WebSocketPort },
		Doc: "Server mode: port for WebSocket over TLS (RFC 7395), usually 5281; 0 is none.", Restart: portRestart},
	{Section: "service", Name: "admin_password", main: true, only: inServer, field: func(c *Config) any { return &c.Service.AdminPassword },
		Doc: "Server mode: password of the administrators (admin_jid); without it none can log in."},
	{Section: "service", Name: "more_resources", Default: "0", main: true, only: inServer, field: func(c *Config) any { return &c.Service.MoreResources },
		Doc: "Server mode, 1: several clients of one account at a time. 0: a second client takes the first one's place."},
	{Section: "service", Name: "max_sessions", Default: "0", main: true, only: inServer, check: atLeast(0), field: func(c *Config) any { return &c.Service.MaxSessions },
		Doc: "Server mode: client connections in all; 0 is unlimited."},
	{Section: "service", Name: "max_sessions_per_address", Default: "20", main: true, only: inServer, check: atLeast(0), field: func(c *Config) any { return &c.Service.MaxSessionsPerAddress },
		Doc: "Server mode: client connections from one address; 0 is unlimited."},
	{Section: "service", Name: "max_sessions_per_account", Default: "10", main: true, only: inServer, check: atLeast(0), field: func(c *Config) any { return &c.Service.MaxSessionsPerAccount },
		Doc: "Server mode: client connections of one account; 0 is unlimited."},
}

// ircKeys are the IRC backend's.
var ircKeys = []Key{
	{Section: "service", Name: "irc_server", check: checkIRCServer, field: func(c *Config) any { return &c.Service.IRCServer },
		Doc: "IRC: the one network for all users, as host, host:port, or host:+port for TLS (6697 is TLS). A list is tried in turn. Without it each room's address names its network."},
	{Section: "service", Name: "irc_identify", Default: "NickServ identify $password", field: func(c *Config) any { return &c.Service.IRCIdentify },
		Doc: "IRC: how a nick is identified. The first word is the recipient; $name and $password are replaced."},
	{Section: "service", Name: "irc_send_pass", Default: "0", field: func(c *Config) any { return &c.Service.IRCSendPass },
		Doc: "IRC, 1: the password goes to the server with PASS."},
	{Section: "service", Name: "irc_away_timeout", Default: "60", field: func(c *Config) any { return &c.Service.IRCAwayTimeout },
		Doc: "IRC: how often the occupants' away state is looked up."},
}

func mode(gateway, server string) func(bool) string {
	return func(isServer bool) string {
		if isServer {
			return server
		}
		return gateway
	}
}
