# SPDX-License-Identifier: GPL-2.0-or-later
"""An XMPP server, an IRC server and an instance of spectrum2 as children of this
process, on loopback ports of their own: for machines that cannot boot a system,
and for tests against more than one kind of server."""
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from world import *  # noqa: F403 - the stage of all tests

USERS = ("romeo", "juliet", "admin")

PROSODY_HERE = """\
run_as_root = true
pidfile = "%(dir)s/prosody.pid"
data_path = "%(dir)s/spool"
certificates = "%(dir)s"
daemonize = false
log = { info = "%(dir)s/prosody.log" }
modules_enabled = { "roster", "saslauth", "disco", "ping", "presence", "message", "iq" }
modules_disabled = { "s2s" }
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
interfaces = { "127.0.0.1" }
c2s_ports = { %(xmpp)d }
component_ports = { %(component)d }
component_interfaces = { "127.0.0.1" }
VirtualHost "localhost"
Component "%(jid)s"
	component_secret = "%(secret)s"
"""

EJABBERD_HERE = """\
hosts: [localhost]
loglevel: info
listen:
  - {port: %(xmpp)d, ip: 127.0.0.1, module: ejabberd_c2s}
  - port: %(component)d
    ip: 127.0.0.1
    module: ejabberd_service
    hosts:
      %(jid)s: {password: %(secret)s}
auth_method: internal
disable_sasl_mechanisms: [digest-md5, X-OAUTH2]
shaper: {fast: 10000000}
modules:
  mod_caps: {}
  mod_disco: {}
  mod_ping: {}
  mod_roster: {}
"""


def free_ports(number):
    """Ports of the loopback interface that nobody has now."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]


class Children:
    """Programs that run below a folder and end together, the last one first."""

    def __init__(self, folder):
        self.dir = pathlib.Path(folder).absolute()
        self.children, self.named = [], {}
        # Not below the folder: a socket's path has at most 107 characters.
        self.sockets = tempfile.TemporaryDirectory(prefix="spectrum2-")

    def fresh(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "spool").mkdir(parents=True)

    def start(self, name, *command, env=None):
        out = open(self.dir / (name + ".out"), "w")
        # Children of their own groups: Ctrl-C is for this process, which ends
        # them in order.
        self.children.append(subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                              env={**os.environ, **(env or {})}, start_new_session=True))
        out.close()
        self.named[name] = self.children[-1]

    def start_ejabberd(self, conf, domain, users):
        libraries = glob.glob("/usr/lib/*/ejabberd-*/ebin")
        if not libraries:
            raise Failed("ejabberd is not installed")
        names = ",".join('<<"%s">>' % user for user in users)
        # Not distributed, so nothing of Erlang's listens beside its ports.
        self.start("ejabberd", "erl", "-noinput", "-mnesia", "dir", '"%s/spool"' % self.dir, "-s", "ejabberd", "-eval",
                   '[ok = ejabberd_auth:try_register(U, <<"%s">>, <<U/binary, "-password">>) || U <- [%s]].' % (domain, names),
                   env={"ERL_LIBS": str(pathlib.Path(libraries[0]).parents[1]), "EJABBERD_CONFIG_PATH": str(conf),
                        "EJABBERD_LOG_PATH": str(self.dir / "ejabberd.log"), "HOME": str(self.dir),
                        "ERL_CRASH_DUMP": str(self.dir / "erl_crash.dump")})

    def start_instance(self, conf, name="spectrum2", runtime=None, prefix=()):
        """Starts spectrum2 with a configuration, and waits until it is ready."""
        if runtime:
            runtime.mkdir()
        self.start(name, *prefix, "build/bin/spectrum2", str(conf), env={"RUNTIME_DIRECTORY": str(runtime or self.sockets.name)})

        def ready():
            if self.children[-1].poll() is not None:
                raise Failed("the instance does not start:\n" + "".join(self.log(name)))
            return any("instance: ready" in line for line in self.log(name))

        wait_for(ready, lambda: "the instance is ready:\n" + "".join(self.log(name)))

    def log(self, name="spectrum2"):
        return (self.dir / (name + ".out")).read_text().splitlines(keepends=True)

    def stop(self, name):
        """Ends one child, in order."""
        child = self.named[name]
        child.terminate()
        child.wait(20)

    def down(self):
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.sockets.cleanup()


class Direct(Children):
    """The place; entering starts everything, leaving ends it. What is written
    to the folder stays only if something failed."""

    def __init__(self, folder, server="prosody"):
        super().__init__(folder)
        self.server = {"prosody": self.prosody, "ejabberd": self.ejabberd}[server]
        self.xmpp_port, self.component_port, self.irc_port = free_ports(3)

    def settings(self):
        return {"dir": self.dir, "jid": TRANSPORT, "secret": SECRET, "xmpp": self.xmpp_port, "component": self.component_port}

    def prosody(self):
        conf = self.dir / "prosody.cfg.lua"
        conf.write_text(PROSODY_HERE % self.settings())
        for user in USERS:
            run("prosodyctl", "--config", str(conf), "register", user, "localhost", user + "-password")
        self.start("prosody", "prosody", "--config", str(conf))

    def ejabberd(self):
        conf = self.dir / "ejabberd.yml"
        conf.write_text(EJABBERD_HERE % self.settings())
        self.start_ejabberd(conf, "localhost", USERS)

    def instance(self):
        text = IRC_CFG.replace("5347", str(self.component_port)).replace("6667", str(self.irc_port)) % (TRANSPORT, SECRET)
        text = text.replace("[identity]", "working_dir = %s/state\n[identity]" % self.dir) + \
            "file =\n[database]\ndatabase = %s/state/database.sql\n" % self.dir
        (self.dir / "irc.cfg").write_text(text)
        (self.dir / "irc.cfg").chmod(0o640)
        self.start_instance(self.dir / "irc.cfg")

    def __enter__(self):
        self.fresh()
        try:
            self.server()
            (self.dir / "ngircd.conf").write_text(NGIRCD.replace("6667", str(self.irc_port)))
            self.start("ngircd", "/usr/sbin/ngircd", "-n", "-f", str(self.dir / "ngircd.conf"))
            for port in (self.xmpp_port, self.component_port, self.irc_port):
                wait_port(port)
            self.instance()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("".join("  " + line for line in self.log()[-50:]), end="")
        self.down()
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)
