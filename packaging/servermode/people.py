# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of an instance in server mode: slixmpp, with what a client of today
asks for."""
import asyncio
import contextlib
from xml.etree import ElementTree as ET

import places  # noqa: F401 - the way to the modules below
from actors import XMPPUser, LoginFailed, codes  # noqa: F401 - for the tests
from world import LIMIT, Failed

import slixmpp  # noqa: E402
from slixmpp.xmlstream.handler import Callback  # noqa: E402
from slixmpp.xmlstream.matcher import MatchXPath  # noqa: E402

SOON = 10  # seconds in which everything here happens
CLIENT = "{jabber:client}"
ROSTER = "{jabber:iq:roster}"
DELAY = "{urn:xmpp:delay}delay"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Refused(Failed):
    """An IQ was answered with an error."""

    def __init__(self, error):
        super().__init__("refused: %s %s" % (error.condition, error.text))
        self.condition, self.text = error.condition, error.text


class Person(XMPPUser):
    """One client of a user. seen has also the requests that the server sends."""

    def __init__(self, instance, name, resource="desk", password=None, resume=False, direct=False, plugins=()):
        super().__init__(name, password or name + "-password", port=instance.port, domain=instance.domain,
                         certificate=instance.certificate, direct_tls=instance.tls_port if direct else 0, resource=resource)
        self.instance = instance
        for plugin in ("xep_0115", "xep_0198", *plugins):
            self.register_plugin(plugin)
        self["xep_0198"].allow_resume = resume
        self.auto_authorize = self.auto_subscribe = None
        self.register_handler(Callback("request seen", MatchXPath("{jabber:client}iq"),
                                       lambda iq: iq["type"] == "set" and self._see(iq)))
        self.resumed = asyncio.Event()
        self.add_event_handler("session_resumed", lambda _: self.resumed.set())

    async def see(self, match, what, since=0, limit=SOON):
        return await super().see(match, what, since, limit)

    def mark(self):
        """Where seen ends now."""
        return len(self.seen)

    async def ask(self, kind, to, payload):
        """Sends an IQ and returns the answer's payload, None without one."""
        return (await self.answer(kind, to, payload)).find("*")

    async def answer(self, kind, to, payload):
        iq = self.Iq(stype=kind, sto=to) if to else self.Iq(stype=kind)
        iq.xml.append(ET.fromstring(payload))
        try:
            return (await iq.send(timeout=LIMIT)).xml
        except slixmpp.exceptions.IqError as error:
            raise Refused(error) from None
        except slixmpp.exceptions.IqTimeout:
            raise Failed("no answer to %s to %s" % (payload, to)) from None

    async def refused(self, kind, to, payload, *conditions):
        """Sends an IQ, which has to be refused."""
        try:
            await self.ask(kind, to, payload)
        except Refused as error:
            if conditions and error.condition not in conditions:
                raise Failed("%s to %s: %s, not %s" % (payload, to, error, " or ".join(conditions))) from None
            return error
        raise Failed("%s to %s was not refused" % (payload, to))

    async def in_order(self):
        """Returns when everything has come that the server had sent before."""
        await self.ask("get", "", "<ping xmlns='urn:xmpp:ping'/>")

    def say(self, to, text, kind="chat", id=None, more=""):
        """Sends a message, with more XML in it; returns its id."""
        m = self.make_message(mto=to, mbody=text, mtype=kind)
        if text is None:
            for body in m.xml.findall(CLIENT + "body"):
                m.xml.remove(body)
        m["id"] = id or self.new_id()
        for child in ET.fromstring("<x>%s</x>" % more):
            m.xml.append(child)
        m.send()
        return m["id"]

    def be(self, show=None, status=None, priority=None, to=None, kind=None, more=""):
        """Sends presence."""
        p = self.make_presence(pto=to, ptype=kind, pshow=show, pstatus=status, ppriority=priority)
        for child in ET.fromstring("<x>%s</x>" % more):
            p.xml.append(child)
        p.send()

    async def hears(self, sender, text, since=0):
        """Waits for a message with exactly this body from a bare or full JID."""
        return await self.see(lambda s: s.name == "message" and s["body"] == text and sender in (s["from"].full, s["from"].bare)
                              and s["type"] != "error", "%r from %s" % (text, sender), since)

    async def sees_presence(self, sender, kind=None, show=None, status=None, since=0, more=lambda s: True):
        """Waits for presence of a bare or full JID; kind "unavailable", or None for an available one."""
        def match(s):
            return (s.name == "presence" and sender in (s["from"].full, s["from"].bare) and s.xml.get("type") == kind
                    and (show is None or (s.xml.findtext(CLIENT + "show") or "") == show)
                    and (status is None or (s.xml.findtext(CLIENT + "status") or "") == status) and more(s))
        return await self.see(match, "presence of %s: %s %s %s" % (sender, kind or "available", show, status), since)

    def heard(self, text, since=0):
        """The messages with this body, carbons included."""
        return [s for s in self.seen[since:] if s.name == "message" and any(b.text == text for b in s.xml.iter(CLIENT + "body"))]

    def never(self, match, what, since=0):
        """Fails if a stanza came for which match is true."""
        for s in self.seen[since:]:
            if match(s):
                raise Failed("%s sees %s: %s" % (self.boundjid, what, s))

    async def push(self, address, since, **wanted):
        """Waits for a roster push about a contact: name=…, subscription=…, groups={…}."""
        def match(s):
            if s.name != "iq" or s.xml.find(ROSTER + "query") is None:
                return False
            i = s.xml.find(ROSTER + "query/" + ROSTER + "item")
            return i is not None and i.get("jid") == address and fits(i, wanted)
        return await self.see(match, "a roster push of %s: %s" % (address, wanted), since)

    async def contacts(self, ver=None):
        """The roster's items by JID, and its version; None for the items if they are those of the version."""
        q = await self.ask("get", "", "<query xmlns='jabber:iq:roster'%s/>" % ("" if ver is None else " ver='%s'" % ver))
        if q is None:
            return None, ver
        return {i.get("jid"): i for i in q}, q.get("ver")

    async def set_contact(self, address, name=None, groups=(), remove=False):
        item = ET.Element(ROSTER + "item", jid=address)
        if remove:
            item.set("subscription", "remove")
        elif name is not None:
            item.set("name", name)
        for g in groups:
            ET.SubElement(item, ROSTER + "group").text = g
        q = ET.Element(ROSTER + "query")
        q.append(item)
        await self.ask("set", "", ET.tostring(q, "unicode"))

    async def info(self, to, node=""):
        """Features and identities (category/type) that disco#info shows, and the query."""
        q = await self.ask("get", to, "<query xmlns='http://jabber.org/protocol/disco#info'%s/>" % (node and " node='%s'" % node))
        ns = "{http://jabber.org/protocol/disco#info}"
        return {f.get("var") for f in q.iter(ns + "feature")}, {i.get("category") + "/" + i.get("type") for i in q.iter(ns + "identity")}, q

    async def items(self, to, node=""):
        """What disco#items shows: (jid, node, name) each."""
        q = await self.ask("get", to, "<query xmlns='http://jabber.org/protocol/disco#items'%s/>" % (node and " node='%s'" % node))
        return [(i.get("jid"), i.get("node"), i.get("name")) for i in q]

    async def enter(self, room, nick, history=None, password=None):
        """Joins a room and returns what came of it, up to the subject, in order."""
        since = self.mark()
        inner = "" if history is None else "<history maxstanzas='%d'/>" % history
        if password:
            inner += "<password>%s</password>" % password
        self.be(to="%s/%s" % (room, nick), more="<x xmlns='http://jabber.org/protocol/muc'>%s</x>" % inner)
        last = await self.see(lambda s: s["from"].bare == room and (s["type"] == "error" or subject_of(s) is not None),
                              "the subject of %s" % room, since)
        if last["type"] == "error":
            raise Failed("%s cannot join %s: %s" % (self.boundjid, room, last))
        return [s for s in self.seen[since:self.seen.index(last) + 1] if s["from"].bare == room]

    def cut(self):
        """Kills the TCP connection, as a lost network does."""
        self.transport.abort()

    async def comes_back(self):
        """Connects again after cut, and resumes its stream."""
        await asyncio.wait_for(self.gone.wait(), LIMIT)
        self.gone.clear()
        self.resumed.clear()
        self.connect(self.server_at, use_ssl=self.direct_tls, force_starttls=not self.direct_tls, disable_starttls=self.direct_tls)
        try:
            await asyncio.wait_for(self.resumed.wait(), LIMIT)
        except asyncio.TimeoutError:
            raise Failed("%s does not resume" % self.boundjid) from None

    async def login(self, **presence):
        """Logs in and becomes available; presence=None: only the former."""
        await self.enter_stream()
        await self.get_roster()
        if presence.get("available", True):
            self.be(**presence)
            await self.sees_presence(self.boundjid.full)

    async def enter_stream(self):
        """Logs in up to binding."""
        send, roster = self.send_presence, self.get_roster
        self.send_presence = lambda *a, **k: None

        async def nothing(*_, **__):
            return None
        self.get_roster = nothing
        try:
            await super().login()
        finally:
            self.send_presence, self.get_roster = send, roster


def fits(item, wanted):
    for key, value in wanted.items():
        if key == "groups":
            if {g.text for g in item.findall(ROSTER + "group")} != set(value):
                return False
        elif (item.get(key) or "") != value:
            return False
    return True


def subject_of(s):
    """The subject of a room's subject line, None for other stanzas."""
    if s.name != "message" or s["type"] != "groupchat" or s.xml.find(CLIENT + "body") is not None:
        return None
    e = s.xml.find(CLIENT + "subject")
    return None if e is None else e.text or ""


def expect(true, *what):
    if not true:
        raise Failed(" ".join(str(w) for w in what))


@contextlib.asynccontextmanager
async def together(*people, login=True):
    """Logs people in, and out again."""
    try:
        if login:
            await asyncio.gather(*(p.login() for p in people))
        yield people
    finally:
        for p in people:
            if hasattr(p, "leave_stream"):
                if p.transport and not p.gone.is_set():
                    await p.leave_stream()
                else:
                    p.cancel_connection_attempt()
                    p._run_out_filters.cancel()  # it would wait for more to send for ever
            else:
                await p.leave()
