# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the clients log in: our server mode, or a Prosody or ejabberd that shows
that a client's automation is not made for ours alone. Each runs as children of
this process, on loopback ports of its own, below a folder."""
import asyncio
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
from stage import need  # noqa: E402
from actors import IRCUser  # noqa: E402
from direct import Children, free_ports  # noqa: E402
from world import run, wait_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROSODY = """\
run_as_root = true
pidfile = "%(dir)s/prosody.pid"
data_path = "%(dir)s/spool"
daemonize = false
log = { debug = "%(dir)s/prosody.log" }
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "carbons", "pep", "bookmarks", "vcard4", "vcard_legacy",
	"smacks", "csi_simple", "mam", "blocklist", "version", "private", "websocket", "http" }
modules_disabled = { "s2s" }
authentication = "internal_plain"
c2s_require_encryption = true
interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
c2s_direct_tls_ports = { %(tls_port)d }
http_ports = { }
https_ports = { %(web_port)d }
https_interfaces = { "127.0.0.1" }
ssl = { certificate = "%(dir)s/cert.pem", key = "%(dir)s/key.pem" }
https_ssl = { certificate = "%(dir)s/cert.pem", key = "%(dir)s/key.pem" }
c2s_direct_tls_ssl = { certificate = "%(dir)s/cert.pem", key = "%(dir)s/key.pem" }
http_paths = { websocket = "/xmpp-websocket" }
consider_websocket_secure = true
cross_domain_websocket = true
VirtualHost "%(domain)s"
	http_host = "%(domain)s"
Component "rooms.%(domain)s" "muc"
	muc_room_locking = false
"""

EJABBERD = """\
hosts: ["%(domain)s"]
loglevel: info
certfiles: ["%(dir)s/both.pem"]
listen:
  - {port: %(port)d, ip: 127.0.0.1, module: ejabberd_c2s, starttls_required: true}
  - {port: %(tls_port)d, ip: 127.0.0.1, module: ejabberd_c2s, tls: true}
  - port: %(web_port)d
    ip: 127.0.0.1
    module: ejabberd_http
    tls: true
    request_handlers: {/xmpp-websocket: ejabberd_http_ws}
auth_method: internal
disable_sasl_mechanisms: [digest-md5, X-OAUTH2]
shaper: {fast: 10000000}
modules:
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_muc: {host: "rooms.@HOST@"}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_pubsub: {plugins: [flat, pep]}
  mod_roster: {}
  mod_stream_mgmt: {}
  mod_vcard: {}
"""

INSTANCE = """\
[service]
jid = %(domain)s
server_mode = 1
server = 127.0.0.1
port = %(port)d
tls_port = %(tls_port)d
websocket_port = %(web_port)d
cert = %(dir)s/both.pem
backend = spectrum2_irc_backend
irc_server = 127.0.0.1:%(irc_port)d
working_dir = %(dir)s/state
more_resources = 1
[identity]
name = IRC
type = irc
[logging]
file =
level = %(level)s
[database]
type = sqlite3
database = %(dir)s/state/database.sql
"""


class Place(Children):
    """The base: ports, a certificate, and the arguments of a client's script."""

    domain = "localhost"

    def __init__(self, folder, accounts, level="info"):
        super().__init__(folder)
        self.accounts, self.level = accounts, level
        self.port, self.tls_port, self.web_port, self.irc_port = free_ports(4)

    def settings(self):
        return {**vars(self), "domain": self.domain, "dir": self.dir}

    def certificate(self):
        """Makes key.pem, cert.pem and both.pem, self-signed, for the domain."""
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=" + self.domain, "-addext", "subjectAltName=DNS:%s,DNS:rooms.%s" % (self.domain, self.domain),
            "-keyout", str(self.dir / "key.pem"), "-out", str(self.dir / "cert.pem"))
        (self.dir / "both.pem").write_text((self.dir / "cert.pem").read_text() + (self.dir / "key.pem").read_text())

    def target(self, account):
        """The arguments for a client that logs in as the account."""
        return ["--host", "127.0.0.1", "--port", str(self.port), "--tls-port", str(self.tls_port), "--domain", self.domain,
                "--websocket", "wss://%s:%d/xmpp-websocket" % (self.domain, self.web_port), "--account", account,
                "--password", account + "-password", "--certificate", str(self.dir / "cert.pem"), *self.other()]

    def other(self):
        return ["--contact", "mercutio@" + self.domain, "--room", "tea@rooms." + self.domain, "--peer", "xmpp:mercutio-password"]

    def irc_network(self, address="127.0.0.1"):
        """Starts an IRC network that knows the accounts, so that their logins are authenticated ones."""
        run(str(ROOT / "packaging/irc/ergo"))
        ergo, conf = str(ROOT / "build/ergo/ergo"), self.dir / "ircd.yaml"
        conf.write_text((ROOT / "packaging/irc/ergo.yaml").read_text().replace("127.0.0.1:@PORT@", "%s:%d" % (address, self.irc_port)))
        (self.dir / "motd").write_text("Welcome\n")
        run(ergo, "initdb", "--conf", str(conf), "--quiet", cwd=self.dir)
        self.start("ircd", "env", "-C", str(self.dir), ergo, "run", "--conf", str(conf))
        wait_port(self.irc_port, host=address)
        asyncio.run(self.register(address))

    async def register(self, address):
        for account in self.accounts:
            user = IRCUser(account, server=address, port=self.irc_port)
            await user.login()
            user.say("NickServ", "REGISTER %s-password" % account)
            await user.see(lambda l: "Account created" in l, "its account")
            user.send("QUIT")
            await user.see(lambda l: l.startswith("ERROR"), "the end of it")
            await user.leave()

    def up(self):
        """Waits until everybody listens."""
        for port in (self.port, self.tls_port, self.web_port):
            wait_port(port)

    def __enter__(self):
        self.fresh()
        try:
            self.certificate()
            self.begin()
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind, *_):
        self.down()


class Prosody(Place):
    def begin(self):
        need("prosody", "openssl")
        conf = self.dir / "prosody.cfg.lua"
        conf.write_text(PROSODY % self.settings())
        for user in ["mercutio", *self.accounts]:
            run("prosodyctl", "--config", str(conf), "register", user, self.domain, user + "-password")
        self.start("prosody", "prosody", "--config", str(conf))


class Ejabberd(Place):
    def begin(self):
        need("ejabberd", "openssl")
        conf = self.dir / "ejabberd.yml"
        conf.write_text(EJABBERD % self.settings())
        self.start_ejabberd(conf, self.domain, ["mercutio", *self.accounts])


class Spectrum(Place):
    """Our server mode before an IRC network."""

    def begin(self):
        need("openssl")
        self.irc_network()
        (self.dir / "state").mkdir(mode=0o700)
        conf = self.dir / "irc.cfg"
        conf.write_text(INSTANCE % self.settings())
        conf.chmod(0o640)
        self.start_instance(conf)

    def other(self):
        return ["--contact", "mercutio@" + self.domain, "--room", "#tea@" + self.domain, "--peer", "irc:127.0.0.1:%d" % self.irc_port]


KINDS = {"prosody": Prosody, "ejabberd": Ejabberd, "spectrum": Spectrum}
