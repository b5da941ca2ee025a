# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that share a network and nothing else: network namespaces on a bridge,
each with a host name, a machine id and an /etc/hosts of its own. A machine can be
killed, which ends all its processes at once, or cut off, which nobody is told."""
import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True  # the tree is for sources
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for part in ("system", "debian/tests"):
    sys.path.insert(0, str(HERE.parent / part))


def need(*packages):
    """Installs the Debian packages that are missing."""
    subprocess.run([str(HERE.parent / "need"), *packages], check=True)


need("ejabberd", "iproute2", "postgresql", "python3-slixmpp")
from direct import Children  # noqa: E402
from world import Failed, run, wait_for  # noqa: E402

NET = "10.204.0."
OUTSIDE = NET + "1"
ADDRESS = {"a": NET + "11", "b": NET + "12", "database": NET + "21", "network": NET + "31"}
# What a machine's process sees of its machine, and then the program.
ENTER = 'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/machine-id" /etc/machine-id && hostname "$1" && shift && exec "$@"'


class Machine:
    """One machine: the namespace, its link to the bridge, and its files."""

    def __init__(self, place, name):
        self.name, self.address, self.place = name, ADDRESS[name], place
        self.disk = place.dir / name
        self.space = "%s%s" % (place.bridge, name[0])
        self.link = self.space + "l"

    def make(self):
        self.disk.mkdir(parents=True)
        self.disk.chmod(0o755)
        (self.disk / "hosts").write_text("127.0.0.1 localhost\n" + "".join("%s %s.cluster.test\n" % (a, n) for n, a in ADDRESS.items()))
        (self.disk / "machine-id").write_text(uuid.uuid4().hex + "\n")
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        run("ip", "link", "set", self.link, "master", self.place.bridge, "up")
        run("ip", "-n", self.space, "addr", "add", self.address + "/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run("ip", "-n", self.space, "link", "set", device, "up")

    def settings(self, **values):
        """Sets kernel parameters of this machine's network."""
        run("ip", "netns", "exec", self.space, "sysctl", "-q", *["net.ipv4.%s=%s" % item for item in values.items()])

    def command(self, *command):
        """The command line that runs a program on this machine."""
        return ("ip", "netns", "exec", self.space, "unshare", "--mount", "--uts", "sh", "-c", ENTER, str(self.disk), self.name, *map(str, command))

    def start(self, name, *command, env=None):
        """Starts a program; what it prints goes into NAME-MACHINE-N.out, with a new N each time."""
        return self.place.start_on(self, name, self.command(*command), env)

    def kill(self):
        """Ends every process of this machine at once, unasked."""
        for _ in range(10):
            pids = run("ip", "netns", "pids", self.space).split()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.place.reap()

    def cut(self):
        run("ip", "link", "set", self.link, "down")

    def mend(self):
        run("ip", "link", "set", self.link, "up")

    def remove(self):
        if os.path.exists("/run/netns/" + self.space):
            self.kill()
            subprocess.run(["ip", "link", "del", self.link], check=False, stderr=subprocess.DEVNULL)
            run("ip", "netns", "del", self.space)


class Machines(Children):
    """All of them; entering makes the network, leaving ends and removes everything but the logs."""

    def __init__(self, folder):
        super().__init__(folder)
        self.bridge = "sc%d" % (os.getpid() % 100000)
        self.machines = [Machine(self, name) for name in ADDRESS]
        self.a, self.b, self.database, self.network = self.machines
        self.runs = {}

    def start_on(self, machine, name, command, env):
        """Starts a command and returns the name of its output, for log."""
        number = self.runs[machine, name] = self.runs.get((machine, name), 0) + 1
        output = "%s-%s-%d" % (name, machine.name, number)
        self.start(output, *command, env=env)
        return output

    def alive(self, output):
        return self.named[output].poll() is None

    def reap(self):
        """Takes note of children that have ended."""
        for child in self.children:
            child.poll()

    def log(self, output):
        return (self.dir / (output + ".out")).read_text(errors="replace").splitlines(keepends=True)

    def wait_log(self, output, text, limit=30.0, since=0):
        """Waits for a line of a program's output and returns it."""
        def look():
            found = [line for line in self.log(output)[since:] if text in line]
            if not found and not self.alive(output):
                raise Failed("%s has ended:\n%s" % (output, "".join(self.log(output)[-30:])))
            return found
        return wait_for(look, lambda: "%r in the log of %s:\n%s" % (text, output, "".join(self.log(output)[-30:])), limit)[0]

    async def see_log(self, *arguments, **more):
        return await asyncio.to_thread(self.wait_log, *arguments, **more)

    def __enter__(self):
        self.fresh()
        self.dir.chmod(0o755)
        try:
            run("ip", "link", "add", self.bridge, "type", "bridge")
            run("ip", "addr", "add", OUTSIDE + "/24", "dev", self.bridge)
            run("ip", "link", "set", self.bridge, "up")
            for machine in self.machines:
                machine.make()
            self.begin()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    def down(self):
        for machine in self.machines:
            machine.remove()
        super().down()
        subprocess.run(["ip", "link", "del", self.bridge], check=False, stderr=subprocess.DEVNULL)
