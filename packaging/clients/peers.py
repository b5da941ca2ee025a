# SPDX-License-Identifier: GPL-2.0-or-later
"""The other person of a conversation: on IRC, on the same XMPP server, or a
contact that answers by itself. Each has the same words."""
import asyncio
from xml.etree import ElementTree as ET

from actors import IRCUser, XMPPUser
from slixmpp.exceptions import IqError
from world import LIMIT, Failed, until

PRIVATE = """\
<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>
<conference jid='%s' autojoin='true'><nick>%s</nick></conference></storage></query>
"""
BOOKMARK = """\
<pubsub xmlns='http://jabber.org/protocol/pubsub'>
<publish node='urn:xmpp:bookmarks:1'><item id='%s'><conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'><nick>%s</nick></conference></item></publish>
<publish-options><x xmlns='jabber:x:data' type='submit'>
<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>
<field var='pubsub#persist_items'><value>true</value></field><field var='pubsub#max_items'><value>max</value></field>
<field var='pubsub#access_model'><value>whitelist</value></field></x></publish-options></pubsub>
"""


async def make_peer(target):
    kind, _, rest = target.peer.partition(":")
    peer = {"irc": IRCPeer, "xmpp": XMPPPeer, "echo": EchoPeer}[kind](target, rest)
    await peer.enter()
    return peer


def log_in(target, name=None, password=None, **more):
    """An XMPP user of the target's server, over STARTTLS with its certificate."""
    return XMPPUser(name or target.account, password or target.password, server=target.host, port=target.port,
                    domain=target.domain, certificate=target.certificate, **more)


class Peer:
    mutual = False  # whether the contact subscribes to the account, too

    def __init__(self, target):
        self.target = target

    async def befriend(self):
        """Puts the contact into the account's contact list, with a client of the account."""
        user = log_in(self.target)
        await user.login()
        try:
            await user.add_contact(self.target.contact, ("both",) if self.mutual else ("both", "to"))
        finally:
            await user.leave_stream()

    async def bookmark(self, nick):
        """Has the account's clients join the room by themselves: XEP-0402, and XEP-0048
        for servers that do not keep the two the same."""
        user = log_in(self.target)
        await user.login()
        stored = 0
        try:
            for form in (PRIVATE, BOOKMARK):
                item = user.Iq(stype="set")
                item.xml.append(ET.fromstring(form % (self.target.room, nick)))
                try:
                    await item.send(timeout=LIMIT)
                    stored += 1
                except IqError:
                    pass
        finally:
            await user.leave_stream()
        if not stored:
            raise Failed("the server keeps no bookmarks")


class IRCPeer(Peer):
    def __init__(self, target, address):
        super().__init__(target)
        host, _, port = address.rpartition(":")
        self.channel = target.room.partition("@")[0]
        self.irc = IRCUser(target.contact.partition("@")[0], server=host, port=int(port))

    async def enter(self):
        await self.irc.login()
        await self.irc.join(self.channel)

    async def hears(self, text):
        await self.irc.message_from(self.target.account, text)

    room_hears = hears

    async def says(self, text):
        self.irc.say(self.target.account, text)
        return text

    async def room_says(self, text):
        self.irc.say(self.channel, text)
        return text

    async def sees_online(self):
        for _ in range(int(LIMIT * 10)):
            since = len(self.irc.lines)
            self.irc.send("ISON " + self.target.account)
            answer = await self.irc.see(lambda l: " 303 " in l, "an answer to ISON", since)
            if self.target.account.lower() in answer.rpartition(":")[2].lower().split():
                return
            await asyncio.sleep(0.1)
        raise Failed("%s is not on IRC" % self.target.account)

    async def room_sees(self, nick):
        await self.irc.see(lambda l: l.lower().startswith(":%s!" % nick.lower()) and " JOIN " in l, "%s join" % nick)

    async def leave(self):
        await self.irc.leave()


class XMPPPeer(Peer):
    mutual = True

    def __init__(self, target, password):
        super().__init__(target)
        self.user = log_in(target, target.contact.partition("@")[0], password)
        self.account = "%s@%s" % (target.account, target.domain)

    async def enter(self):
        await self.user.login()
        await self.user.join(self.target.room, self.user.name)

    async def hears(self, text):
        await self.user.message_from(self.account, text)

    async def room_hears(self, text):
        await self.user.message_from(self.target.room, text)

    async def says(self, text):
        self.user.send_message(mto=self.account, mbody=text, mtype="chat")
        return text

    async def room_says(self, text):
        self.user.send_message(mto=self.target.room, mbody=text, mtype="groupchat")
        return text

    async def sees_online(self):
        def look():
            last = self.user.presence_of(self.account)
            return last is not None and last["type"] != "unavailable"

        await until(self.user.changed, look, "%s sees %s online" % (self.target.contact, self.account))

    async def room_sees(self, nick):
        await self.user.see(lambda s: s.name == "presence" and s["from"] == "%s/%s" % (self.target.room, nick), "%s join" % nick)

    async def leave(self):
        await self.user.leave_stream()


class EchoPeer(Peer):
    """The contact and the room of the template backend: they say what they heard."""

    def __init__(self, target, _):
        super().__init__(target)
        self.heard = {}

    async def enter(self):
        pass

    async def hears(self, text):
        self.heard["chat"] = text

    async def room_hears(self, text):
        self.heard["room"] = text

    async def says(self, text):
        return self.heard.get("chat", text)

    async def room_says(self, text):
        return self.heard.get("room", text)

    async def sees_online(self):
        pass

    async def room_sees(self, nick):
        pass

    async def leave(self):
        pass
