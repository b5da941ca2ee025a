# SPDX-License-Identifier: GPL-2.0-or-later
"""Who plays on the stage of world.py: XMPP users (slixmpp) and IRC users (a few
lines over a socket)."""
import asyncio
import logging

from world import LIMIT, Failed, until

# slixmpp says at its import that it would rather have been compiled.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
import slixmpp  # noqa: E402
from slixmpp.xmlstream.handler import Callback  # noqa: E402
from slixmpp.xmlstream.matcher import MatchXPath  # noqa: E402


class LoginFailed(Failed):
    """condition is the word of the server's refusal, "" where there was none."""

    def __init__(self, text, why):
        super().__init__(text)
        if isinstance(why, slixmpp.Iq):
            why = why["error"]
        self.condition = why["condition"] if isinstance(why, slixmpp.stanza.Error | slixmpp.xmlstream.StanzaBase) else ""


class XMPPUser(slixmpp.ClientXMPP):
    """A user of the XMPP server. seen holds every message and presence that
    arrived, in order; show is called with a line about each. With a certificate
    (a PEM file) it talks TLS and trusts that one alone: after STARTTLS, or from
    the first byte on the port direct_tls."""

    def __init__(self, name, password, server="127.0.0.1", port=5222, domain="localhost", show=None,
                 certificate=None, direct_tls=0, resource="test"):
        super().__init__("%s@%s/%s" % (name, domain, resource), password)
        self.name, self.server_at = name, (server, direct_tls or port)
        self.certificate, self.direct_tls = certificate, bool(direct_tls)
        self.ca_certs = certificate and str(certificate)
        self.seen, self.changed = [], asyncio.Condition()
        self.show = show or (lambda line: None)
        # What the server ended the stream with, and that it has ended.
        self.stream_error, self.gone = None, asyncio.Event()
        self.add_event_handler("stream_error", self._stream_error)
        self.add_event_handler("disconnected", lambda _: self.gone.set())
        for plugin in ("xep_0004", "xep_0030", "xep_0045", "xep_0050", "xep_0077", "xep_0092", "xep_0199"):
            self.register_plugin(plugin)
        self["xep_0077"].create_account = False
        for kind in ("message", "presence"):
            self.register_handler(Callback(kind + " seen", MatchXPath("{jabber:client}%s" % kind), self._see))
        self.auto_authorize = True
        self.auto_subscribe = True

    def _see(self, stanza):
        self.seen.append(stanza)
        self.show("%s <- %s" % (self.name, stanza))
        asyncio.ensure_future(self._tell())

    async def _tell(self):
        async with self.changed:
            self.changed.notify_all()

    def _stream_error(self, error):
        self.stream_error = error["condition"]
        self.show("%s <- stream error %s: %s" % (self.name, error["condition"], error["text"]))

    async def get_dns_records(self, *_):
        """None: the server is where it was said to be, whatever the domain leads to."""
        return []

    async def ended_with(self, condition, limit=LIMIT):
        """Waits for the end of the stream, which has to have this condition."""
        try:
            await asyncio.wait_for(self.gone.wait(), limit)
        except asyncio.TimeoutError:
            raise Failed("the stream of %s has not ended within %d s" % (self.name, limit)) from None
        if self.stream_error != condition:
            raise Failed("the stream of %s ended with %s, not %s" % (self.name, self.stream_error, condition))

    async def login(self):
        ready = asyncio.Event()
        failed = []
        self.add_event_handler("session_start", lambda _: ready.set())
        for event in ("failed_auth", "connection_failed", "ssl_invalid_chain", "ssl_invalid_cert", "stream_error", "disconnected"):
            self.add_event_handler(event, lambda e, event=event: (failed.append((event, e)), ready.set()))
        # Binding a resource that is refused.
        self.register_handler(Callback("refused", MatchXPath("{jabber:client}iq/{jabber:client}error"),
                                       lambda iq: (failed.append(("error", iq)), ready.set())))
        tls = self.certificate and not self.direct_tls
        self.connect(self.server_at, use_ssl=self.direct_tls, force_starttls=bool(tls), disable_starttls=not tls)
        try:
            await asyncio.wait_for(ready.wait(), LIMIT)
        except asyncio.TimeoutError:
            failed.append(("no answer", None))
        self.remove_handler("refused")
        if failed:
            event, why = failed[0]
            self.cancel_connection_attempt()
            if self.transport and not self.transport.is_closing():
                self.transport.abort()
            raise LoginFailed("%s cannot log in to the XMPP server: %s %s" % (self.name, event, why or ""), why)
        self.send_presence()
        await self.get_roster()

    def tls_version(self):
        """What the connection speaks, as TLSv1.3."""
        return self.transport.get_extra_info("ssl_object").version()

    def peer_certificate(self):
        """The server's certificate, DER."""
        return self.transport.get_extra_info("ssl_object").getpeercert(True)

    async def add_contact(self, address, wanted=("both", "to")):
        """Has a contact in the contact list, with one of the wanted subscriptions."""
        changed = asyncio.Event()
        self.add_event_handler("roster_update", lambda _: changed.set())
        if self.client_roster[address]["subscription"] not in wanted:
            self.send_presence_subscription(pto=address)
        while self.client_roster[address]["subscription"] not in wanted:
            try:
                await asyncio.wait_for(changed.wait(), LIMIT)
            except asyncio.TimeoutError:
                raise Failed("%s cannot add %s: %s" % (self.name, address, self.client_roster[address]["subscription"])) from None
            changed.clear()

    async def see(self, match, what, since=0, limit=LIMIT):
        """Waits for a stanza for which match is true and returns the first one."""
        found = []

        def look():
            found[:] = [s for s in self.seen[since:] if match(s)]
            return bool(found)

        await until(self.changed, look, "%s sees %s" % (self.name, what), limit)
        return found[0]

    async def message_from(self, sender, text, since=0, limit=LIMIT):
        return await self.see(
            lambda s: s.name == "message" and s["from"].bare == sender and text in s["body"],
            "message %r from %s" % (text, sender), since, limit)

    async def register_with(self, transport, username, password=""):
        iq = self.Iq(stype="get", sto=transport)
        iq.enable("register")
        form = await iq.send(timeout=LIMIT)
        answer = self.Iq(stype="set", sto=transport)
        answer["register"]["username"] = username
        answer["register"]["password"] = password
        await answer.send(timeout=LIMIT)
        return form["register"]["instructions"]

    async def unregister_from(self, transport):
        iq = self.Iq(stype="set", sto=transport)
        iq["register"]["remove"] = True
        await iq.send(timeout=LIMIT)

    def presence_of(self, address):
        """The last presence that address, a bare JID, has shown; None before the first."""
        return next((s for s in reversed(self.seen) if s.name == "presence" and s["from"].bare == address
                     and s["type"] in ("available", "unavailable", "away", "xa", "dnd", "chat")), None)

    async def log_in_to(self, transport, since=0):
        """Sends presence to the transport, unless it is online already, as after
        a registration; waits until it is, and returns its presence."""
        self.send_presence(pto=transport)
        return await self.see_online(transport, since)

    async def see_online(self, transport, since=0, limit=LIMIT):
        """Waits until the transport's last presence after since is that of being online."""
        def look():
            last = self.presence_of(transport)
            return last is not None and last in self.seen[since:] and last["type"] == "available" and not last["show"]

        await until(self.changed, look, "%s sees %s online" % (self.name, transport), limit)
        return self.presence_of(transport)

    async def join(self, room, nick):
        """Joins a room and waits for the user's own presence in it (110)."""
        since = len(self.seen)
        pres = self.make_presence(pto="%s/%s" % (room, nick))
        pres.append(slixmpp.ET.Element("{http://jabber.org/protocol/muc}x"))
        pres.send()
        await self.see(lambda s: s.name == "presence" and s["from"].bare == room and "110" in codes(s),
                       "itself in %s" % room, since)
        await self.see(lambda s: s.name == "message" and s["from"].bare == room and s.xml.find("{jabber:client}subject") is not None,
                       "the subject of %s" % room, since)

    async def chat_command(self, transport, line, limit=LIMIT):
        """Sends a line to the transport and returns its answer."""
        since = len(self.seen)
        self.send_message(mto=transport, mbody=line, mtype="chat")
        answer = await self.see(lambda s: s.name == "message" and s["from"].bare == transport and s["body"],
                                "an answer to %r" % line, since, limit)
        return answer["body"]

    async def leave_stream(self):
        await self.disconnect(wait=2.0)
        # It would wait for more to send for ever.
        self._run_out_filters.cancel()


def codes(stanza):
    return {e.get("code") for e in stanza.xml.iter("{http://jabber.org/protocol/muc#user}status")}


class IRCUser:
    """A user of the IRC server."""

    def __init__(self, nick, server="127.0.0.1", port=6667, show=None, password=""):
        self.nick, self.server_at, self.password = nick, (server, port), password
        self.lines, self.changed = [], asyncio.Condition()
        self.show = show or (lambda line: None)
        self.reader = self.writer = self.task = None

    async def login(self):
        self.reader, self.writer = await asyncio.open_connection(*self.server_at)
        self.task = asyncio.ensure_future(self._read())
        if self.password:
            self.send("PASS " + self.password)
        self.send("NICK " + self.nick)
        self.send("USER %s 0 * :%s" % (self.nick, self.nick))
        await self.see(lambda l: " 001 " in l, "its welcome")

    async def _read(self):
        while line := (await self.reader.readline()).decode("utf-8", "replace").rstrip("\r\n"):
            if line.startswith("PING"):
                self.send("PONG" + line[4:])
                continue
            self.lines.append(line)
            async with self.changed:
                self.changed.notify_all()

    def send(self, line):
        self.writer.write((line + "\r\n").encode())

    def say(self, target, text):
        self.send("PRIVMSG %s :%s" % (target, text))

    async def join(self, channel):
        self.send("JOIN " + channel)
        await self.see(lambda l: " 366 " in l and channel.lower() in l.lower(), "itself in " + channel)

    async def see(self, match, what, since=0, limit=LIMIT):
        found = []

        def look():
            found[:] = [l for l in self.lines[since:] if match(l)]
            return bool(found)

        await until(self.changed, look, "IRC user %s sees %s" % (self.nick, what), limit)
        return found[0]

    async def message_from(self, nick, text, since=0, limit=LIMIT):
        return await self.see(lambda l: l.lower().startswith(":%s!" % nick.lower()) and "PRIVMSG" in l and text in l,
                              "message %r from %s" % (text, nick), since, limit)

    async def leave(self):
        if self.writer:
            self.send("QUIT :bye")
            self.writer.close()
        if self.task:
            self.task.cancel()
