# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs on the machines: on a and b a node of one ejabberd cluster and an
instance beside it, on database a PostgreSQL, on network an IRC network that has
an account for each user."""
import asyncio
import glob
import os
import pathlib
import shutil
import subprocess
import tempfile

from machines import ADDRESS, NET, ROOT, Machines
from actors import IRCUser
from world import SECRET, TRANSPORT, Failed, run, wait_for, wait_port

LEASE = 6
DATABASE_PASSWORD = "database-password"

EJABBERD = """\
hosts: [localhost]
loglevel: info
net_ticktime: 5
listen:
  - {port: 5222, module: ejabberd_c2s}
  - port: 5347
    ip: 127.0.0.1
    module: ejabberd_service
    hosts:
      %(jid)s: {password: %(secret)s}
%(alias)sauth_method: internal
disable_sasl_mechanisms: [digest-md5, X-OAUTH2]
shaper: {fast: 10000000}
modules:
  mod_caps: {}
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
"""

ALIAS = "      %(machine)s.%(jid)s: {password: %(secret)s}\n"

# The same on both machines: a node's name is its machine's.
INSTANCE = """\
[service]
jid = %(jid)s
server = 127.0.0.1
port = 5347
password = %(secret)s
backend = spectrum2_irc_backend
irc_server = %(irc)s:6667
working_dir = %(disk)s/state
pidfile =
[irc.%(irc)s:6667]
throttle = 0
[identity]
name = IRC
type = irc
[logging]
file =
level = info
[database]
type = pqxx
server = %(database)s
database = spectrum2
user = spectrum2
password = %(password)s
encryption_key = everybody-needs-the-same
cluster = 1
lease = %(lease)d
"""


class Servers(Machines):
    def __init__(self, folder, users):
        super().__init__(folder)
        self.users = users
        self.kept = pathlib.Path(tempfile.mkdtemp(prefix="spectrum2-cluster-", dir="/var/tmp"))
        self.ejabberds, self.instances = {}, {}

    def begin(self):
        # What was sent to a machine that is gone is given up within seconds.
        self.network.settings(**{"tcp_retries2": 2})
        self.start_irc()
        self.make_database()
        self.start_database()
        self.sql("CREATE ROLE spectrum2 LOGIN PASSWORD '%s'" % DATABASE_PASSWORD, database="postgres")
        self.sql("CREATE DATABASE spectrum2 OWNER spectrum2", database="postgres")
        self.start_ejabberd(self.a, register=self.users)
        self.start_ejabberd(self.b)
        self.ctl(self.b, "join_cluster", "ejabberd@a.cluster.test")
        for machine in (self.a, self.b):
            wait_port(5222, host=machine.address)
            self.write_instance(machine)
            self.start_instance_on(machine)

    def down(self):
        super().down()
        shutil.rmtree(self.kept, ignore_errors=True)

    # The IRC network.

    def start_irc(self):
        run(str(ROOT / "packaging/irc/ergo"))
        ergo, disk = str(ROOT / "build/ergo/ergo"), self.network.disk
        text = (ROOT / "packaging/irc/ergo.yaml").read_text()
        (disk / "ircd.yaml").write_text(text.replace("127.0.0.1:@PORT@", self.network.address + ":6667"))
        (disk / "motd").write_text("Welcome\n")
        run(ergo, "initdb", "--conf", str(disk / "ircd.yaml"), "--quiet", cwd=disk)
        self.irc_log = self.network.start("ircd", "env", "-C", disk, ergo, "run", "--conf", disk / "ircd.yaml")
        wait_port(6667, host=self.network.address)
        asyncio.run(self.register_nicks())

    async def register_nicks(self):
        for nick in self.users:
            user = IRCUser(nick, server=self.network.address)
            await user.login()
            user.say("NickServ", "REGISTER %s-secret" % nick)
            await user.see(lambda l: "Account created" in l, "its account")
            user.send("QUIT")
            await user.see(lambda l: l.startswith("ERROR"), "the end of it")
            await user.leave()

    # The database.

    def postgres(self, program, *arguments):
        """The command line of one of PostgreSQL's programs, as its own user."""
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + program))
        return ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", found[-1], *map(str, arguments))

    def make_database(self):
        shutil.chown(self.kept, "postgres", "postgres")
        run(*self.postgres("initdb", "-D", self.kept / "data", "--auth-local=trust", "--auth-host=scram-sha-256",
                           "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"), cwd="/")
        with open(self.kept / "data/pg_hba.conf", "a") as access:
            access.write("host all all %s0/24 scram-sha-256\n" % NET)

    def start_database(self):
        self.database_log = self.database.start("postgres", "env", "-C", "/", *self.postgres(
            "postgres", "-D", self.kept / "data", "-k", self.kept, "-c", "listen_addresses=" + self.database.address, "-c", "logging_collector=off"))
        wait_port(5432, host=self.database.address)
        wait_for(lambda: "accepting" in run(*self.postgres("pg_isready", "-h", self.kept), check=False, cwd="/"), "PostgreSQL takes connections")

    def stop_database(self):
        child = self.named[self.database_log]
        child.send_signal(2)  # "fast": it ends the connections
        child.wait(20)

    def sql(self, statement, database="spectrum2"):
        """Runs a statement and returns its rows as lines."""
        return run(*self.postgres("psql", "-h", self.kept, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-c", statement), cwd="/").split()

    # ejabberd.

    def erlang(self, machine):
        disk = machine.disk
        libraries = glob.glob("/usr/lib/*/ejabberd-*/ebin")
        if not libraries:
            raise Failed("ejabberd is not installed")
        return {"ERL_LIBS": str(pathlib.Path(libraries[0]).parents[1]), "EJABBERD_CONFIG_PATH": str(disk / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(disk / "ejabberd.log"), "HOME": str(disk), "ERL_CRASH_DUMP": str(disk / "erl_crash.dump")}

    def write_ejabberd(self, machine, alias=True, more=""):
        values = {"jid": TRANSPORT, "secret": SECRET, "machine": machine.name}
        (machine.disk / "ejabberd.yml").write_text(EJABBERD % {**values, "alias": ALIAS % values if alias else ""} + more)

    def start_ejabberd(self, machine, register=(), **how):
        self.write_ejabberd(machine, **how)
        names = ",".join('<<"%s">>' % user for user in register)
        self.ejabberds[machine] = machine.start(
            "ejabberd", "erl", "-noinput", "-name", "ejabberd@%s.cluster.test" % machine.name, "-setcookie", "cluster",
            "-erl_epmd_port", "5210", "-start_epmd", "false", "-mnesia", "dir", '"%s/spool"' % machine.disk, "-s", "ejabberd", "-eval",
            '[ok = ejabberd_auth:try_register(U, <<"localhost">>, <<U/binary, "-password">>) || U <- [%s]].' % names, env=self.erlang(machine))
        self.wait_log(self.ejabberds[machine], "is started in the node")
        wait_port(5222, host=machine.address)

    def stop_ejabberd(self, machine):
        self.stop(self.ejabberds[machine])

    def ctl(self, machine, *command):
        """ejabberdctl on a machine."""
        return run(*machine.command("erl", "-noinput", "-hidden", "-name", "ctl@%s.cluster.test" % machine.name, "-setcookie", "cluster",
                                    "-dist_listen", "false", "-erl_epmd_port", "5210", "-start_epmd", "false", "-s", "ejabberd_ctl",
                                    "-extra", "ejabberd@%s.cluster.test" % machine.name, "--no-timeout", *command),
                   env={**os.environ, **self.erlang(machine)})

    def configure(self, **how):
        """Starts both nodes of ejabberd with another configuration, and the instances anew."""
        for machine in (self.a, self.b):
            self.stop_instance(machine)
            self.stop_ejabberd(machine)
            self.start_ejabberd(machine, **how)
        for machine in (self.a, self.b):
            self.start_instance_on(machine)

    # The instances.

    def write_instance(self, machine):
        (machine.disk / "state").mkdir(mode=0o700)
        conf = machine.disk / "irc.cfg"
        conf.write_text(INSTANCE % {"jid": TRANSPORT, "secret": SECRET, "irc": ADDRESS["network"], "database": ADDRESS["database"],
                                    "disk": machine.disk, "password": DATABASE_PASSWORD, "lease": LEASE})
        conf.chmod(0o640)

    def begin_instance(self, machine):
        runtime = pathlib.Path(self.sockets.name) / machine.name
        shutil.rmtree(runtime, ignore_errors=True)
        runtime.mkdir()
        self.instances[machine] = machine.start("spectrum2", ROOT / "build/bin/spectrum2", machine.disk / "irc.cfg",
                                                env={"RUNTIME_DIRECTORY": str(runtime)})

    def start_instance_on(self, machine):
        self.begin_instance(machine)
        self.wait_log(self.instances[machine], "instance: ready")

    def stop_instance(self, machine):
        self.stop(self.instances[machine])

    def instance_log(self, machine):
        return "".join(self.log(self.instances[machine]))

    def spectrumctl(self, machine, *command):
        return run(str(ROOT / "build/bin/spectrumctl"), "--socket", str(pathlib.Path(self.sockets.name) / machine.name / "control.sock"), *command)

    def db(self, machine, *command):
        """spectrum2 db on a machine."""
        return subprocess.run(machine.command(ROOT / "build/bin/spectrum2", "db", *command, machine.disk / "irc.cfg"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
