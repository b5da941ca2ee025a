# SPDX-License-Identifier: GPL-2.0-or-later
"""The stage of the tests and of the demo: the machine with systemd, the two
servers between which the transport stands, and its configuration. Every wait
has a limit and says what it waited for."""
import asyncio
import itertools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import traceback

LIMIT = 30.0
TRANSPORT = "irc.localhost"
SECRET = "component-secret"


class Failed(Exception):
    """What a test expected did not happen."""


async def until(condition, look, what, limit=LIMIT):
    """Waits until look() is true, looking again whenever condition is notified."""
    try:
        async with condition:
            await asyncio.wait_for(condition.wait_for(look), limit)
    except asyncio.TimeoutError:
        raise Failed("not within %d s: %s" % (limit, what)) from None


def run(*command, check=True, **more):
    """Runs a program and returns what it printed; a failure is shown whole."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if check and done.returncode != 0:
        raise Failed("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


PROSODY = """\
pidfile = "/run/prosody/prosody.pid"
daemonize = false
log = { info = "*syslog" }
modules_enabled = { "roster", "saslauth", "disco", "ping", "presence", "message", "iq", "vcard_legacy", "register", "admin_shell" }
modules_disabled = { "s2s" }
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
s2s_require_encryption = false
interfaces = { "127.0.0.1" }
component_ports = { 5347 }
component_interfaces = { "127.0.0.1" }
VirtualHost "localhost"
%s
"""

NGIRCD = """\
[Global]
Name = irc.test.localhost
Info = Test network
Listen = 127.0.0.1
Ports = 6667
MotdPhrase = "Welcome to the test network"
[Limits]
MaxConnectionsIP = 0
MaxConnections = 500
MaxJoins = 100
MaxNickLength = 30
[Options]
DNS = no
Ident = no
PAM = no
"""


def component(jid, secret=SECRET):
    return 'Component "%s"\n\tcomponent_secret = "%s"\n' % (jid, secret)


def servers(components=(TRANSPORT,), users=("romeo", "juliet", "admin")):
    """Configures and starts Prosody and ngircd as Debian's units run them."""
    pathlib.Path("/etc/prosody/prosody.cfg.lua").write_text(PROSODY % "".join(component(c) for c in components))
    irc_server()
    run("systemctl", "restart", "prosody")
    for user in users:
        run("prosodyctl", "register", user, "localhost", user + "-password")
    for port in (5222, 5347):
        wait_port(port)


def irc_server(password=""):
    """Configures and starts ngircd, which wants the password of everybody."""
    pathlib.Path("/etc/ngircd/ngircd.conf").write_text(NGIRCD.replace("[Limits]", "Password = %s\n[Limits]" % password if password else "[Limits]"))
    run("systemctl", "restart", "ngircd")
    wait_port(6667)


def certificate(domain, folder="/root/certificates"):
    """Makes a self-signed certificate for a domain; returns the files of it and of its key."""
    cert, key = "%s/%s.pem" % (folder, domain), "%s/%s.key" % (folder, domain)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-subj", "/CN=" + domain, "-addext", "subjectAltName=DNS:" + domain, "-keyout", key, "-out", cert)
    return cert, key


def wait_for(look, what, limit=LIMIT):
    """Calls look until what it returns is true, and returns that."""
    end = time.monotonic() + limit
    while True:
        result = look()
        if result:
            return result
        if time.monotonic() > end:
            raise Failed("not within %d s: %s" % (limit, what() if callable(what) else what))
        time.sleep(0.1)


def wait_gone(*units):
    """Waits until nothing of units is active: systemd notices the end of a scope a
    moment after its last process has gone."""
    wait_for(lambda: not active(*units), lambda: "the end of " + " ".join(active(*units)))


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def wait_port(port, limit=LIMIT, host="127.0.0.1"):
    wait_for(lambda: listens(port, host), "somebody listens on port %d" % port, limit)


def show(unit, name):
    """A property of a unit, as systemd has it."""
    return run("systemctl", "show", "-P", name, unit).strip()


def status_text(instance):
    return show("spectrum2@" + instance, "StatusText")


def wait_status(instance, text, limit=LIMIT):
    """Waits for a status text, as systemctl status shows it, with text in it."""
    wait_for(lambda: text in status_text(instance), lambda: "status %r of %s; it is %r" % (text, instance, status_text(instance)), limit)


def active(*patterns):
    """The active units that match, slices apart: those may stay."""
    lines = run("systemctl", "list-units", "--plain", "--no-legend", *patterns).splitlines()
    return [l.split()[0] for l in lines if " active " in l and not l.split()[0].endswith(".slice")]


def now():
    """A moment for journal(since)."""
    return "@%f" % time.time()


def journal(*matches, since=None):
    """The journal's entries, oldest first, as dictionaries."""
    run("journalctl", "--sync")
    more = ["--since", since] if since else []
    return [json.loads(l) for l in run("journalctl", "-o", "json", "--no-pager", *more, *matches).splitlines() if l.startswith("{")]


def configure(name, text, owner="root", group="spectrum"):
    """Writes an instance's configuration as an administrator would."""
    path = "/etc/spectrum2/transports/%s.cfg" % name
    pathlib.Path(path).write_text(text)
    run("chown", "%s:%s" % (owner, group), path)
    os.chmod(path, 0o640)
    return path


IRC_CFG = """\
[service]
jid = %s
server = 127.0.0.1
port = 5347
password = %s
backend = spectrum2_irc_backend
irc_server = 127.0.0.1:6667
admin_jid = admin@localhost
[identity]
name = IRC
type = irc
[scope]
memory_max = 300M
tasks_max = 200
[logging]
level = info
"""


async def quietly(play):
    """Runs a coroutine, and ends what it left running."""
    try:
        return await play
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=5) if left else None


def perform(play):
    """Runs a coroutine to its end."""
    return asyncio.get_event_loop().run_until_complete(quietly(play))


def main(*tests):
    """Runs the tests one after the other and says how they went."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    failed = 0
    numbers = itertools.count(1)
    for test in tests:
        title = " ".join((test.__doc__ or test.__name__).split())
        start = time.monotonic()
        try:
            result = test()
            if asyncio.iscoroutine(result):
                perform(result)
            print("ok %d - %s (%.1f s)" % (next(numbers), title, time.monotonic() - start), flush=True)
        except Exception as error:  # a test may fail in any way; all are told
            failed += 1
            print("not ok %d - %s\n    %s" % (next(numbers), title, str(error).replace("\n", "\n    ") or repr(error)), flush=True)
            if not isinstance(error, Failed):
                traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)
