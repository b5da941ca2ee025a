# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the tests of this folder play: an instance in server mode, and the IRC
networks that it leads to, as children of this process on loopback ports."""
import asyncio
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True  # the tree is for sources
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for part in ("system", "debian/tests"):
    sys.path.insert(0, str(HERE.parent / part))


def need(*packages):
    """Installs the Debian packages that are missing."""
    subprocess.run([str(HERE.parent / "need"), *packages], check=True)


need("python3-slixmpp", "openssl", "ngircd")
from actors import IRCUser  # noqa: E402
from direct import Children, free_ports  # noqa: E402
from world import LIMIT, NGIRCD, Failed, run, wait_port  # noqa: E402,F401

INSTANCE = """\
[service]
jid = %(domain)s
server_mode = 1
server = 127.0.0.1
port = %(port)d
tls_port = %(tls_port)d
cert = %(dir)s/both.pem
backend = %(backend)s
working_dir = %(state)s
pidfile =
max_sessions_per_address = %(per_address)d
%(service)s
[identity]
name = Test
[logging]
file =
level = %(level)s
%(sections)s
"""

KEPT = "[database]\ntype = sqlite3\ndatabase = %(state)s/database.sql\n"


class Place(Children):
    """Networks and instances below a folder; entering it starts nothing yet."""

    domain = "sm.localhost"

    def __init__(self, name, level="info"):
        super().__init__(ROOT / "build" / "servermode" / name)
        self.level = level

    def __enter__(self):
        self.fresh()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=" + self.domain, "-addext", "subjectAltName=DNS:" + self.domain,
            "-keyout", str(self.dir / "key.pem"), "-out", str(self.dir / "cert.pem"))
        (self.dir / "both.pem").write_text((self.dir / "cert.pem").read_text() + (self.dir / "key.pem").read_text())
        return self

    def __exit__(self, *_):
        self.down()

    def ngircd(self):
        """Starts ngIRCd, a network without accounts, and returns its port."""
        port, = free_ports(1)
        conf = self.dir / "ngircd.conf"
        conf.write_text(NGIRCD.replace("6667", str(port)).replace("[Options]", "MaxPenaltyTime = 0\n[Options]"))
        self.start("ngircd", "/usr/sbin/ngircd", "-n", "-f", str(conf))
        wait_port(port)
        return port

    def ergo(self, *accounts):
        """Starts Ergo, which knows the accounts (the password is name-password), and returns its port."""
        port, = free_ports(1)
        run(str(ROOT / "packaging/irc/ergo"))
        ergo, conf = str(ROOT / "build/ergo/ergo"), self.dir / "ircd.yaml"
        conf.write_text((ROOT / "packaging/irc/ergo.yaml").read_text().replace("@PORT@", str(port)))
        (self.dir / "motd").write_text("Welcome\n")
        run(ergo, "initdb", "--conf", str(conf), "--quiet", cwd=self.dir)
        self.start("ergo", "env", "-C", str(self.dir), ergo, "run", "--conf", str(conf))
        wait_port(port)
        asyncio.get_event_loop().run_until_complete(self.register(port, accounts))
        return port

    async def register(self, port, accounts):
        for account in accounts:
            user = IRCUser(account, port=port)
            await user.login()
            user.say("NickServ", "REGISTER %s-password" % account)
            await user.see(lambda l: "Account created" in l, "its account")
            user.send("QUIT")
            await user.see(lambda l: l.startswith("ERROR"), "the end of it")
            await user.leave()

    def instance(self, name, backend, service="", sections="", per_address=200):
        """Starts an instance with further lines of [service] and further sections."""
        return Instance(self, name, backend, service, sections, per_address)


class Instance:
    """One instance in server mode: where its clients connect."""

    def __init__(self, place, name, backend, service, sections, per_address):
        self.place, self.name, self.domain, self.per_address = place, name, place.domain, per_address
        self.certificate = place.dir / "cert.pem"
        self.port, self.tls_port = free_ports(2)
        self.state = place.dir / (name + "-state")
        self.state.mkdir(mode=0o700)
        self.conf = place.dir / (name + ".cfg")
        values = {**vars(self), "dir": place.dir, "level": place.level, "backend": "spectrum2_%s_backend" % backend}
        self.conf.write_text(INSTANCE % {**values, "service": service, "sections": sections % values})
        self.conf.chmod(0o640)
        place.start_instance(self.conf, name, pathlib.Path(place.sockets.name) / name)

    def log(self):
        return "".join(self.place.log(self.name))
