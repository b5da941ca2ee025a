# SPDX-License-Identifier: GPL-2.0-or-later
"""Who talks across the cluster: XMPP users, whose clients are at one machine and
then at another, and Echo, who answers them on IRC. Register reads the IRC server's
own log: it says who was there, and whether anybody was there twice."""
import asyncio
import collections
import re

from machines import Failed  # which knows where the others are
from actors import IRCUser, XMPPUser
from world import LIMIT, TRANSPORT


async def eventually(look, what, limit=LIMIT):
    """Waits until look() is true."""
    deadline = asyncio.get_running_loop().time() + limit
    while not look():
        if asyncio.get_running_loop().time() > deadline:
            raise Failed("not within %d s: %s" % (limit, what() if callable(what) else what))
        await asyncio.sleep(0.02)


class Inbox:
    """What a client has seen, counted: messages by their text, errors by their id."""

    def __init__(self, client):
        self.client, self.read = client, 0
        self.texts, self.errors = collections.Counter(), {}

    def look(self):
        for s in self.client.seen[self.read:]:
            self.read += 1
            if s.name == "message" and s["type"] == "error":
                self.errors[s["id"]] = s
            elif s.name == "message":
                self.texts[s["body"]] += 1
        return self


class Person:
    """An XMPP user, with one client or none."""

    def __init__(self, name):
        self.name, self.client, self.clients = name, None, []
        self.inboxes = {}
        # A second client beside the first, and whether there ever was one.
        self.second, self.had_two = None, False

    async def come(self, machine):
        """Logs in at a machine's ejabberd."""
        await self.leave()
        self.client = await self.log_in(machine, "first")
        self.clients.append(self.client)

    async def come_too(self, machine):
        self.second, self.had_two = await self.log_in(machine, "second"), True

    async def change(self):
        """The first client leaves, the second goes on."""
        await self.client.leave_stream()
        self.client, self.second = self.second, None
        self.clients.append(self.client)

    async def log_in(self, machine, resource):
        client = XMPPUser(self.name, self.name + "-password", server=machine.address, resource=resource)
        await client.login()
        self.inboxes[client] = Inbox(client)
        return client

    async def register(self):
        await self.client.register_with(TRANSPORT, self.name, self.name + "-secret")

    async def online(self, since=0, limit=LIMIT):
        await self.client.see_online(TRANSPORT, since, limit)

    async def leave(self):
        for client in (self.client, self.second):
            if client:
                await client.leave_stream()
        self.client = self.second = None

    def lose(self):
        """The client's connection is gone, and the client does not know of it yet."""
        client, self.client = self.client, None
        client.cancel_connection_attempt()
        if client.transport:
            client.transport.abort()


class Echo(IRCUser):
    """Answers "out N" with "back N", and notes from where it came."""

    def __init__(self, server):
        super().__init__("echo", server=server)
        # By number: who said it, from which address.
        self.heard = {}
        # Numbers of its own messages: what the server did with them.
        self.taken, self.refused = set(), set()

    async def login(self):
        self.show = self.note
        await super().login()
        self.send("CAP REQ labeled-response")
        await self.see(lambda l: " ACK " in l, "its capabilities")

    def note(self, line):
        if found := re.match(r"(?:@\S+ )?:([^!]+)![^@]+@(\S+) PRIVMSG echo :out (\d+)$", line):
            nick, host, number = found[1], found[2], int(found[3])
            self.heard.setdefault(number, []).append((nick, host))
            self.say(nick, "back %d" % number)
        elif found := re.match(r"@\S*\blabel=(\d+)\S* \S+ (\S+)", line):
            (self.refused if found[2] == "401" else self.taken).add(int(found[1]))

    async def _read(self):
        while line := (await self.reader.readline()).decode("utf-8", "replace").rstrip("\r\n"):
            if line.startswith("PING"):
                self.send("PONG" + line[4:])
                continue
            self.note(line)
            async with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def tell(self, nick, number):
        self.send("@label=%d PRIVMSG %s :in %d" % (number, nick, number))


class Register:
    """The IRC server's own log of who came and went."""

    def __init__(self, place, users):
        self.place, self.users = place, users

    def present(self):
        """The users who are there now, and what was wrong on the way."""
        live, wrong = {}, []
        for line in self.place.log(self.place.irc_log):
            if found := re.search(r"Client connected \[([^]]+)\] \[u:~?([^]]+)\]", line):
                nick, user = found[1], found[2]
                if user in live and user in self.users:
                    wrong.append("%s is there twice, as %s and %s: %s" % (user, live[user], nick, line[:24]))
                live[user] = nick
            elif found := re.search(r": quit +: (\S+) is no longer", line):
                for user, nick in list(live.items()):
                    if found[1] in (nick, user):
                        del live[user]
        return {u for u in live if u in self.users}, wrong

    async def without(self, *names, limit=LIMIT):
        await eventually(lambda: not self.present()[0] & set(names), "%s have left IRC" % ", ".join(names), limit)

    async def has(self, *names, limit=LIMIT):
        await eventually(lambda: set(names) <= self.present()[0], lambda: "%s are on IRC; there are %s" % (names, self.present()[0]), limit)
