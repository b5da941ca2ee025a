# SPDX-License-Identifier: GPL-2.0-or-later
"""libpurple, which Pidgin and Finch are made of, through its D-Bus interface."""
import html
import re
import socket

import desktop
from stage import wait_for

ACCOUNTS = """\
<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
<protocol>prpl-jabber</protocol><name>%(jid)s/purple</name><password>%(password)s</password>
<settings>
<setting name='connect_server' type='string'>%(host)s</setting>
<setting name='port' type='int'>%(port)d</setting>
<setting name='connection_security' type='string'>require_tls</setting>
</settings>
<settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting></settings>
<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"""
# The interface has no way to join a room that was not in the list before.
CHATS = """\
<?xml version='1.0' encoding='UTF-8' ?>
<purple version='1.0'><blist><group name='Chats'>
<chat proto='prpl-jabber' account='%s/purple'>
<component name='room'>%s</component><component name='server'>%s</component><component name='handle'>%s</component>
<setting name='gtk-autojoin' type='bool'>1</setting><setting name='gnt-autojoin' type='bool'>1</setting>
</chat></group></blist></purple>
"""
IM = 1


def prepare(stage):
    """Writes the account, and the certificate as the one that its server is known by."""
    t = stage.target
    # It expects a certificate for the host that it is told to connect to, so it
    # is told of one only where the domain does not lead there.
    host = "" if leads(t.domain, t.host) else t.host
    stage.file(".purple/accounts.xml", ACCOUNTS % {**vars(t), "jid": stage.jid, "host": host})
    stage.file(".purple/blist.xml", CHATS % (stage.jid, *t.room.split("@"), stage.nick))
    stage.file(".purple/certificates/x509/tls_peers/" + (host or t.domain), t.certificate.read_text())


def leads(domain, host):
    try:
        return any(a[4][0] == host for a in socket.getaddrinfo(domain, None))
    except OSError:
        return False


class Purple:
    def __init__(self, stage, bus):
        self.stage = stage
        self.api = desktop.service(bus, "im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface")

    def connected(self):
        api = self.api
        wait_for(lambda: any(api.PurpleAccountIsConnected(a) for a in api.PurpleAccountsGetAllActive()), "the account is connected")
        self.account, = api.PurpleAccountsGetAllActive()

    def buddy(self, address):
        return self.api.PurpleFindBuddy(self.account, address)

    def buddy_online(self, address):
        wait_for(lambda: self.buddy(address) and self.api.PurpleBuddyIsOnline(self.buddy(address)), "%s online" % address)

    def tell(self, address, text):
        conversation = self.api.PurpleConversationNew(IM, self.account, address)
        self.api.PurpleConvImSend(self.api.PurpleConvIm(conversation), text)
        return conversation

    def inside(self, room):
        """Waits until the client is in the room and knows who else is; returns the conversation."""
        def look():
            return next((c for c in self.api.PurpleGetChats() if self.api.PurpleConversationGetName(c) == room
                         and self.api.PurpleConvChatGetUsers(self.api.PurpleConvChat(c))), None)

        return wait_for(look, "the room and who is in it")

    def say(self, chat, text):
        self.api.PurpleConvChatSend(self.api.PurpleConvChat(chat), text)

    def messages(self, conversation):
        texts = [self.api.PurpleConversationMessageGetMessage(m) for m in self.api.PurpleConversationGetMessageHistory(conversation)]
        return [html.unescape(re.sub("<[^>]*>", "", t)) for t in texts]

    def see(self, conversation, text):
        """Waits for a message of somebody else in a conversation."""
        wait_for(lambda: text in self.messages(conversation), lambda: "%r among %s" % (text, self.messages(conversation)))


def conversation(stage, bus):
    """What each client of libpurple does once it runs."""
    t, p = stage.target, Purple(stage, bus)
    p.connected()
    stage.saw("libpurple %s logged in" % p.api.PurpleCoreGetVersion())
    p.buddy_online(t.contact)
    stage.saw("contact online")
    talk = p.tell(t.contact, "Good morrow, cousin")
    stage.hears("Good morrow, cousin")
    p.see(talk, stage.says("Is the day so young?"))
    stage.saw("private both ways")
    chat = p.inside(t.room)
    p.say(chat, "But soft!")
    stage.room_hears("But soft!")
    p.see(chat, stage.room_says("What light?"))
    stage.saw("room both ways")
    p.api.PurpleCoreQuit()
