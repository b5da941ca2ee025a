# SPDX-License-Identifier: GPL-2.0-or-later
"""client.py PORT CA KIND: logs in with slixmpp as juliet@irc.example.org by
STARTTLS or direct TLS, gets a message, loses its connection, resumes its session
and gets what came meanwhile. It prints a line for each step."""
import asyncio
import logging
import sys

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
import slixmpp  # noqa: E402

PORT, CA, KIND = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def say(line):
    print(line, flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__("juliet@irc.example.org/slixmpp", "teiluj")
        self.ca_certs = CA
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("session_resumed", lambda _: say("resumed " + self["xep_0198"].sm_id))
        self.add_event_handler("message", lambda m: say("message " + m["body"]))
        self.add_event_handler("failed_auth", lambda _: say("refused"))
        self.ended = asyncio.get_event_loop().create_future()

    def go(self):
        self.connect(("127.0.0.1", PORT), use_ssl=KIND == "tls", force_starttls=KIND != "tls", disable_starttls=KIND == "tls")

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        say("started %s %s" % (self.boundjid.full, self["xep_0198"].sm_id))


async def orders(client):
    """cut: break the connection and come back; quit: leave in order."""
    reader = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        order = (await reader.readline()).decode().strip()
        if order == "cut":
            gone = asyncio.get_event_loop().create_future()
            client.add_event_handler("disconnected", lambda _: gone.done() or gone.set_result(None), disposable=True)
            client.transport.abort()
            await gone
            say("cut")
        elif order == "back":
            client.go()
        else:
            await client.disconnect(wait=2.0)
            return


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
client = Client()
client.go()
loop.run_until_complete(orders(client))
