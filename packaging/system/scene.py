#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversation of `make demo`: two XMPP users and an IRC user, told line by
line as each side saw it. `scene.py` expects a started instance irc, and has the
administrator look on; `scene.py --server` expects the client socket of an instance
tea in server mode; `scene.py --direct DIR [prosody|ejabberd]` runs servers and
instance itself, from the programs in build/bin, in the folder DIR."""
import asyncio
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # the tree is for sources
for place in ("/opt/tests", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../debian/tests")):
    if os.path.isdir(place):
        sys.path.insert(0, place)
        break
from actors import *  # noqa: E402,F403
from world import *  # noqa: E402,F403 - the stage of all tests

BOLD, DIM, OFF = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "", "")
ROOM = "#tea@" + TRANSPORT


def does(who, what):
    print("  %s%-18s%s %s" % (BOLD, who, OFF, what), flush=True)


def sees(who, stanza):
    """Prints what arrived at an XMPP or IRC client."""
    if isinstance(stanza, str):
        print("  %-18s %ssees%s %s" % (who, DIM, OFF, stanza), flush=True)
    elif stanza.name == "message":
        text = stanza["body"] or "(subject) " + stanza["subject"]
        print("  %-18s %ssees%s <%s> %s" % (who, DIM, OFF, stanza["from"], text), flush=True)
    else:
        print("  %-18s %ssees%s presence of %s: %s" % (who, DIM, OFF, stanza["from"], stanza["show"] or stanza["type"]), flush=True)


def headline(text):
    print("\n%s%s%s" % (BOLD, text, OFF), flush=True)


async def administrator(*command):
    """An administrator's command in the system, and what it said."""
    headline("# " + " ".join(command))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = (await process.communicate())[0].decode()
    print("".join("  %s\n" % line for line in text.rstrip("\n").splitlines()), end="", flush=True)
    if process.returncode:
        raise Failed("%s: exit status %d" % (" ".join(command), process.returncode))


async def looking():
    """The administrator looks while everybody is online."""
    await administrator("spectrumctl", "list")
    await administrator("spectrumctl", "users", "irc")
    await administrator("spectrumctl", "backends", "irc")
    await administrator("systemctl", "--no-pager", "--lines=0", "status", "spectrum2@irc")
    await administrator("systemd-cgls", "--no-pager", "--xattr=no", "--cgroup-id=no", "-u", "spectrum2-irc.slice")


async def restart(romeo, juliet, mercutio):
    """The administrator restarts the instance; its users come back by themselves."""
    since = {user: len(user.seen) for user in (romeo, juliet)}
    lines = len(mercutio.lines)
    await administrator("spectrumctl", "restart", "irc")
    headline("Who was online is online again, without doing anything")
    for user in (romeo, juliet):
        sees("%s (XMPP)" % user.name, await user.see_online(TRANSPORT, since[user]))
    does("romeo (XMPP)", "writes to mercutio@%s: Art thou still there?" % TRANSPORT)
    romeo.send_message(mto="mercutio@" + TRANSPORT, mbody="Art thou still there?", mtype="chat")
    sees("mercutio (IRC)", await mercutio.message_from("romeo_m", "Art thou still there?", lines))


async def play(xmpp_port, irc_port, administered):
    romeo = XMPPUser("romeo", "romeo-password", port=xmpp_port)
    juliet = XMPPUser("juliet", "juliet-password", port=xmpp_port)
    mercutio = IRCUser("mercutio", port=irc_port)
    await asyncio.gather(romeo.login(), juliet.login(), mercutio.login())
    try:
        headline("Two users of the XMPP server register with " + TRANSPORT)
        for user, nick in ((romeo, "romeo_m"), (juliet, "juliet_c")):
            text = await user.register_with(TRANSPORT, nick)
            sees("%s (XMPP)" % user.name, "the form: " + text)
            does("%s (XMPP)" % user.name, "registers as %s and comes online" % nick)
            sees("%s (XMPP)" % user.name, await user.log_in_to(TRANSPORT))

        headline("A private talk")
        does("romeo (XMPP)", "writes to mercutio@%s: Good morrow, cousin" % TRANSPORT)
        romeo.send_message(mto="mercutio@" + TRANSPORT, mbody="Good morrow, cousin", mtype="chat")
        sees("mercutio (IRC)", await mercutio.message_from("romeo_m", "Good morrow, cousin"))
        does("mercutio (IRC)", "/msg romeo_m Is the day so young?")
        mercutio.say("romeo_m", "Is the day so young?")
        sees("romeo (XMPP)", await romeo.message_from("mercutio@" + TRANSPORT, "Is the day so young?"))

        headline("A channel")
        await mercutio.join("#tea")
        does("mercutio (IRC)", "is in #tea")
        for user, nick in ((romeo, "romeo_m"), (juliet, "juliet_c")):
            does("%s (XMPP)" % user.name, "joins %s" % ROOM)
            await user.join(ROOM, nick)
        inside = sorted({s["from"].resource for s in juliet.seen if s.name == "presence" and s["from"].bare == ROOM})
        sees("juliet (XMPP)", "in the room: " + ", ".join(inside))
        does("juliet (XMPP)", "says in the room: Ay me!")
        juliet.send_message(mto=ROOM, mbody="Ay me!", mtype="groupchat")
        sees("mercutio (IRC)", await mercutio.message_from("juliet_c", "Ay me!"))
        sees("romeo (XMPP)", await romeo.message_from(ROOM, "Ay me!"))
        does("mercutio (IRC)", "says in #tea: What light?")
        mercutio.say("#tea", "What light?")
        sees("romeo (XMPP)", await romeo.message_from(ROOM, "What light?"))
        sees("juliet (XMPP)", await juliet.message_from(ROOM, "What light?"))
        if administered:
            await looking()
            await restart(romeo, juliet, mercutio)
    finally:
        await asyncio.gather(romeo.leave_stream(), juliet.leave_stream(), mercutio.leave())


async def play_server():
    """An instance in server mode, which nobody has started: its first client does."""
    domain = "tea.localhost"
    room = "#verona@" + domain
    benvolio = XMPPUser("benvolio", "any", port=5322, domain=domain, certificate="/root/certificates/%s.pem" % domain)
    mercutio = IRCUser("mercutio")
    await mercutio.login()
    try:
        await mercutio.join("#verona")
        headline("The first client connects, with the name of an IRC user and no account anywhere else")
        does("benvolio (XMPP)", "logs in to %s as benvolio@%s" % (domain, domain))
        await benvolio.login()
        print("  %-18s %sis in%s by %s" % ("benvolio (XMPP)", DIM, OFF, benvolio.tls_version()), flush=True)
        does("benvolio (XMPP)", "adds mercutio@%s to his contacts" % domain)
        await benvolio.add_contact("mercutio@" + domain)
        sees("benvolio (XMPP)", await benvolio.see(
            lambda s: s.name == "presence" and s["from"].bare == "mercutio@" + domain and s["type"] == "available", "Mercutio online"))
        does("benvolio (XMPP)", "writes to mercutio@%s: I pray thee, let's retire" % domain)
        benvolio.send_message(mto="mercutio@" + domain, mbody="I pray thee, let's retire", mtype="chat")
        sees("mercutio (IRC)", await mercutio.message_from("benvolio", "I pray thee, let's retire"))
        does("mercutio (IRC)", "/msg benvolio Thou art like one of those fellows")
        mercutio.say("benvolio", "Thou art like one of those fellows")
        sees("benvolio (XMPP)", await benvolio.message_from("mercutio@" + domain, "Thou art like one of those fellows"))
        does("benvolio (XMPP)", "joins " + room)
        await benvolio.join(room, "benvolio")
        does("benvolio (XMPP)", "says in the room: The day is hot")
        benvolio.send_message(mto=room, mbody="The day is hot", mtype="groupchat")
        sees("mercutio (IRC)", await mercutio.message_from("benvolio", "The day is hot"))
        mercutio.say("#verona", "Am I like such a fellow?")
        sees("benvolio (XMPP)", await benvolio.message_from(room, "Am I like such a fellow?"))
        await administrator("spectrumctl", "sessions", "tea")
        await administrator("spectrumctl", "list")
        await administrator("systemctl", "--no-pager", "--lines=0", "status", "spectrum2-client@tea.socket")
        headline("# systemctl stop spectrum2@tea")
        await asyncio.to_thread(run, "systemctl", "stop", "spectrum2@tea")
        await benvolio.ended_with("system-shutdown")
        print("  %-18s %sis told%s that the server shuts down" % ("benvolio (XMPP)", DIM, OFF), flush=True)
    finally:
        await asyncio.gather(benvolio.leave_stream(), mercutio.leave())


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    try:
        if sys.argv[1:2] == ["--direct"]:
            from direct import Direct
            with Direct(sys.argv[2], *sys.argv[3:]) as place:
                perform(play(place.xmpp_port, place.irc_port, administered=False))
                headline("spectrum2's log")
                print("".join("  " + line for line in place.log()), end="")
        elif sys.argv[1:] == ["--server"]:
            perform(play_server())
        else:
            perform(play(5222, 6667, administered=True))
    except Failed as error:
        print("FAILED: %s" % error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
