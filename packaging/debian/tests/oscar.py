# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of ICQ and AIM add to the stage: an OSCAR server, and an AIM
user who comes to it by another way than the backend, TOC."""
import asyncio
import html
import json
import os
import re
import struct
import urllib.error
import urllib.request

from world import LIMIT, Failed, run, until, wait_port

ICQ = "icq.localhost"
PROGRAM = os.environ.get("OPEN_OSCAR_SERVER", "/opt/tests/open-oscar-server")
OSCAR_PORT, TOC_PORT, API_PORT = 5190, 9898, 8080
UNIT = "open-oscar-server"

# As the C++ version's files are: only the server's name is another.
ICQ_CFG = """\
[service]
jid = %s
server = 127.0.0.1
port = 5347
password = %s
backend = /usr/bin/spectrum2_libpurple_backend
protocol = prpl-icq
admin_jid = admin@localhost
[identity]
name = ICQ
type = icq
[purple]
server = 127.0.0.1
port = 5190
encoding = windows-1251
"""


def oscar_server(accounts):
    """Starts open-oscar-server as a service of the machine, for as long as that
    is up, and makes the accounts: names and passwords."""
    address = "LOCAL://127.0.0.1:%d" % OSCAR_PORT
    settings = {
        "OSCAR_LISTENERS": address, "OSCAR_ADVERTISED_LISTENERS_PLAIN": address,
        "API_LISTENER": "127.0.0.1:%d" % API_PORT, "TOC_LISTENERS": "127.0.0.1:%d" % TOC_PORT,
        "DB_PATH": "/var/lib/%s/oscar.sqlite" % UNIT, "DISABLE_AUTH": "false", "ICQ_LEGACY_ENABLED": "false", "LOG_LEVEL": "info",
    }
    run("systemctl", "stop", UNIT, check=False)
    run("systemd-run", "--unit=" + UNIT, "--property=StateDirectory=" + UNIT, "--property=WorkingDirectory=/var/lib/" + UNIT,
        *["--setenv=%s=%s" % pair for pair in settings.items()], PROGRAM)
    for port in (OSCAR_PORT, TOC_PORT, API_PORT):
        wait_port(port)
    for name, password in accounts.items():
        body = json.dumps({"screen_name": name, "password": password}).encode()
        try:
            urllib.request.urlopen("http://127.0.0.1:%d/user" % API_PORT, body, LIMIT).close()
        except urllib.error.HTTPError as error:
            if error.code != 409:  # it is there already
                raise Failed("open-oscar-server does not make %s: %s" % (name, error.read())) from None


class AIMUser:
    """A user of AIM with a client like the early ones (TOC 1.0)."""

    def __init__(self, name, password, server="127.0.0.1", port=TOC_PORT):
        self.name, self.password, self.server_at = name, password, (server, port)
        self.lines, self.changed, self.sequence = [], asyncio.Condition(), 0
        self.reader = self.writer = self.task = None

    def _frame(self, kind, payload):
        self.writer.write(struct.pack(">BBHH", 0x2a, kind, self.sequence, len(payload)) + payload)
        self.sequence = (self.sequence + 1) & 0xffff

    def send(self, command):
        self._frame(2, command.encode() + b"\0")

    async def login(self):
        self.reader, self.writer = await asyncio.open_connection(*self.server_at)
        self.writer.write(b"FLAPON\r\n\r\n")
        name = self.name.encode()
        self._frame(1, struct.pack(">IHH", 1, 1, len(name)) + name)
        roasted = bytes(c ^ b"Tic/Toc"[i % 7] for i, c in enumerate(self.password.encode()))
        self.send('toc_signon 127.0.0.1 %d %s 0x%s english "test"' % (OSCAR_PORT, self.name, roasted.hex()))
        self.task = asyncio.ensure_future(self._read())
        await self.see(lambda l: l.startswith("SIGN_ON:"), "its welcome")
        self.send("toc_init_done")

    async def _read(self):
        while True:
            try:
                _, _, _, length = struct.unpack(">BBHH", await self.reader.readexactly(6))
                line = (await self.reader.readexactly(length)).rstrip(b"\0").decode("utf-8", "replace")
            except asyncio.IncompleteReadError:
                return
            self.lines.append(line)
            async with self.changed:
                self.changed.notify_all()

    def say(self, to, text):
        self.send('toc_send_im %s "%s"' % (to, self._quoted(text)))

    async def join(self, room, exchange=4):
        """Enters a room and returns its number."""
        since = len(self.lines)
        self.send('toc_chat_join %d "%s"' % (exchange, self._quoted(room)))
        line = await self.see(lambda l: l.startswith("CHAT_JOIN:"), "itself in " + room, since)
        return line.split(":")[1]

    def say_in(self, number, text):
        self.send('toc_chat_send %s "%s"' % (number, self._quoted(text)))

    @staticmethod
    def _quoted(text):
        return re.sub(r'([\\"${}()\[\]])', r"\\\1", text)

    async def see(self, match, what, since=0, limit=LIMIT):
        found = []

        def look():
            found[:] = [l for l in self.lines[since:] if match(l)]
            return bool(found)

        await until(self.changed, look, "AIM user %s sees %s; it saw %s" % (self.name, what, self.lines[-5:]), limit)
        return found[0]

    async def message_from(self, sender, text, since=0):
        return await self.see(lambda l: l.startswith("IM_IN:%s:" % sender) and text in plain(l), "%r from %s" % (text, sender), since)

    async def in_room(self, number, sender, text, since=0):
        return await self.see(lambda l: l.startswith("CHAT_IN:%s:%s:" % (number, sender)) and text in plain(l),
                              "%r from %s in the room" % (text, sender), since)

    async def leave(self):
        if self.writer:
            self.writer.close()
        if self.task:
            self.task.cancel()


def plain(line):
    """A line without AIM's HTML."""
    return html.unescape(re.sub("<[^>]*>", "", line))
