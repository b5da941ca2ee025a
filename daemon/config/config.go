// SPDX-License-Identifier: GPL-2.0-or-later

// Package config is one instance's configuration: defaults, parsing,
// validation, and the difference between two of them. It knows the keys of
// existing Spectrum 2 installations and nothing of what they configure.
package config

import (
	"log/slog"
	"time"
)

// Config is the configuration of one instance, validated. It is immutable:
// a reload makes a new one.
type Config struct {
	// Instance is the instance's name (the file's base name without .cfg).
	Instance string
	// File is the path it was read from.
	File string

	Service          Service
	VHosts           []string
	Identity         Identity
	Registration     Registration
	GatewayResponder GatewayResponder
	Database         Database
	Logging          Logging
	Backend          Backend
	Proxy            Proxy
	Settings         Settings
	Scope            Scope
	Archive          Archive
	// Purple are the options of [purple], by key, several values in order.
	Purple map[string][]string
	// Sections holds every section and key as found in the file and the
	// arguments, known or not, lower-case, for backends with keys of their
	// own (Sections["irc.irc.libera.chat"]["tls"]). The known secrets are not
	// in it: they have their fields.
	Sections map[string]map[string][]string

	// origin says where a key that was given comes from, by full name.
	origin map[string]string
	// extra are the given keys that the table does not know.
	extra []extra
}

// extra is a key without a field of its own: of a network's section, of
// [purple], or unknown.
type extra struct {
	section, name string
	values        []string
	secret        bool
}

// String names the configuration without showing any of it.
func (c *Config) String() string { return "configuration of " + c.Instance + " (" + c.File + ")" }

// GoString keeps %#v from showing what String does not.
func (c *Config) GoString() string { return c.String() }

// LogValue keeps the content out of logs.
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// IsSet reports whether the key ("service.pidfile") was given in the file or
// as an argument, as opposed to having its default.
func (c *Config) IsSet(key string) bool { return c.origin[key] != "" }

// Service is [service].
type Service struct {
	JID                  string
	ServerMode           bool
	Server               string
	Port                 int
	Password             Secret
	User, Group          string
	Backend              string
	Protocol             string
	PIDFile, PortFile    string
	WorkingDir           string
	AllowedServers       []string
	UsersPerBackend      int
	BackendHost          string
	BackendPort          int
	Cert                 string
	CertPassword         Secret
	Key                  string
	TLSPort              int
	WebSocketPort        int
	AdminJID             []string
	AdminPassword        Secret
	ReuseOldBackends     bool
	IdleReconnectTime    time.Duration
	MemoryCollectorTime  time.Duration
	MoreResources        bool
	EnablePrivacyLists   bool
	EnableXHTML          bool
	EnableRemoveBuddy    bool
	OOBReplaceBody       bool
	OOBSplit             bool
	MaxRoomListSize      int
	LoginDelay           time.Duration
	JIDEscaping          bool
	VIPOnly              bool
	VIPMessage           string
	ReconnectAllUsers    bool
	Frontend             string
	WebDirectory, WebURL string
	WebMaxImgSize        int
	VerifyCerts          bool
	IRCServer            []string
	IRCIdentify          string
	IRCSendPass          bool
	IRCAwayTimeout       time.Duration
	BackendDrain         time.Duration

	MaxSessions, MaxSessionsPerAddress, MaxSessionsPerAccount int
}

// Identity is [identity], the transport's disco#info identity.
type Identity struct{ Name, Category, Type string }

// Registration is [registration].
type Registration struct {
	EnablePublicRegistration  bool
	Instructions              string
	UsernameLabel             string
	PasswordLabel             string
	UsernameMask              string
	AllowedUsernames          string
	AutoRegister              bool
	Language, Encoding        string
	RequireLocalAccount       bool
	LocalUsernameLabel        string
	LocalAccountServer        string
	LocalAccountServerTimeout time.Duration
	NotifyJID                 []string
}

// GatewayResponder is [gateway_responder] (XEP-0100 §6.3, jabber:iq:gateway).
type GatewayResponder struct{ Prompt, Label string }

// Database is [database]. Type is none, sqlite3, mysql or pqxx.
type Database struct {
	Type     string
	Database string
	Server   string
	Port     int
	User     string
	Password Secret
	Prefix   string
	// TLS is disable, prefer, require or verify-full; TLSCA a file.
	TLS              string
	TLSCA            string
	ConnectionString Secret
	EncryptionKey    Secret
	EncryptionKeyOld Secret
	VIPStatement     string
	// Cluster: this is one of several main processes on the database, Node its
	// name ("" is the host's), Lease how long the others respect its users
	// without a sign of life.
	Cluster bool
	Node    string
	Lease   time.Duration
}

// Logging is [logging]. Levels are the parts' own levels by name.
type Logging struct {
	Config, BackendConfig string
	File                  string
	Level                 string
	Levels                map[string]string
}

// Backend is [backend].
type Backend struct {
	DefaultAvatar, AvatarsDirectory string
	NoVCardFetch                    bool
	IncomingDir                     string
}

// Proxy is [proxy], the legacy connection's proxy. Type is "", http, socks4
// or socks5.
type Proxy struct {
	Type, Host string
	Port       int
	Username   string
	Password   Secret
}

// Settings are the defaults of a user's own settings.
type Settings struct{ SendHeadlines, StayConnected bool }

// Scope is [scope]: limits of each backend's scope in systemd's notation
// ("200M", "infinity", "80%"), "" where none is set.
type Scope struct{ MemoryMax, MemoryHigh, TasksMax, CPUWeight string }

// Archive is [archive].
type Archive struct {
	Days  int
	Rooms bool
}
