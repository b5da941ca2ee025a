#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The main scene of `make demo`: two XMPP users with two ICQ numbers talk, and an
AIM user joins in, told line by line as each side saw it; then the administrator
looks, and restarts it. It expects a started instance icq and open-oscar-server."""
import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scene import *  # noqa: E402,F403 - how a scene is told
from oscar import *  # noqa: E402,F403

ROMEO, JULIET, TEA = "100001@" + ICQ, "100002@" + ICQ, "4-tea@" + ICQ


async def play_icq():
    romeo, juliet = XMPPUser("romeo", "romeo-password"), XMPPUser("juliet", "juliet-password")
    mercutio = AIMUser("mercutio", "mercutio1")
    await asyncio.gather(romeo.login(), juliet.login(), mercutio.login())
    names = "romeo (XMPP)", "juliet (XMPP)", "mercutio (AIM)"
    try:
        headline("Two users of the XMPP server register their ICQ numbers with " + ICQ)
        for user, name, uin, password in ((romeo, names[0], "100001", "secret1"), (juliet, names[1], "100002", "secret2")):
            await user.register_with(ICQ, uin, password)
            does(name, "registers as %s and comes online" % uin)
            sees(name, await user.log_in_to(ICQ))
        does(names[0], "adds %s, who wants to be asked; her client says yes" % JULIET)
        await romeo.add_contact(JULIET)
        sees(names[0], await romeo.see(
            lambda s: s.name == "presence" and s["from"].bare == JULIET and s["type"] == "available", "Juliet online"))

        headline("They talk")
        for user, name, to, other, other_name, text in (
                (romeo, names[0], JULIET, juliet, names[1], "She speaks! Она говорит ☀"),
                (juliet, names[1], ROMEO, romeo, names[0], "What man art thou?")):
            does(name, "writes to %s: %s" % (to, text))
            user.send_message(mto=to, mbody=text, mtype="chat")
            sees(other_name, await other.message_from(ROMEO if to == JULIET else JULIET, text))

        headline("An AIM user joins in")
        does(names[2], "writes to 100001: Nay, gentle Romeo")
        mercutio.say("100001", "Nay, gentle Romeo")
        sees(names[0], await romeo.message_from("mercutio@" + ICQ, "Nay, gentle Romeo"))
        number = await mercutio.join("tea")
        does(names[2], "enters the chat room tea")
        for user, name in ((romeo, names[0]), (juliet, names[1])):
            does(name, "joins " + TEA)
            await user.join(TEA, user.name)
        does(names[1], "says in the room: Ay me!")
        juliet.send_message(mto=TEA, mbody="Ay me!", mtype="groupchat")
        sees(names[2], plain(await mercutio.in_room(number, "100002", "Ay me!")))
        sees(names[0], await romeo.message_from(TEA, "Ay me!"))
        does(names[2], "says in the room: What light?")
        mercutio.say_in(number, "What light?")
        sees(names[1], await juliet.message_from(TEA, "What light?"))

        await administrator("spectrumctl", "list")
        await administrator("spectrumctl", "users", "icq")
        since = len(romeo.seen), len(juliet.seen)
        lines = len(mercutio.lines)
        await administrator("spectrumctl", "restart", "icq")
        headline("Who was online is online again, without doing anything")
        sees(names[0], await romeo.see_online(ICQ, since[0]))
        sees(names[1], await juliet.see_online(ICQ, since[1]))
        does(names[0], "writes to mercutio@%s: Art thou still there?" % ICQ)
        romeo.send_message(mto="mercutio@" + ICQ, mbody="Art thou still there?", mtype="chat")
        sees(names[2], plain(await mercutio.message_from("100001", "Art thou still there?", lines)))
    finally:
        await asyncio.gather(romeo.leave_stream(), juliet.leave_stream(), mercutio.leave())


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    try:
        perform(play_icq())
    except Failed as error:
        print("FAILED: %s" % error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
