# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of the users when a process, a machine, the network or the database
fails. Each case leaves everything as it found it."""
import asyncio
import time

from company import AT_A, AT_B, renewed
from people import eventually
from servers import LEASE
from world import Failed


async def process(w):
    """a main process is killed under load: the other one takes its users when its lease has ended"""
    since = w.ledger.numbers
    async with w.ledger.load(*w.at(*AT_A, *AT_B)):
        await w.ledger.more(30)
        w.place.named[w.place.instances[w.place.a]].kill()
        await w.talk(AT_A, w.place.b.address, LEASE + 20)
        await asyncio.to_thread(w.place.start_instance_on, w.place.a)
        await w.talk(AT_A, w.place.a.address)
    # What it had taken from ejabberd and not acknowledged to anybody is lost with it.
    await w.ledger.settle(lost=lambda person, client: person.name in AT_A)
    await w.ledger.received(w.at(*AT_B), since)
    return w.ledger.count(since)


async def kill(w):
    """a whole machine dies under load: its users are with the other after the lease"""
    dead, first = w.at(*AT_B), w.ledger.numbers
    gone = [p.client for p in dead]
    async with w.ledger.load(*w.at(*AT_A)):
        async with w.ledger.load(*dead):
            await eventually(lambda: all(any(c is p.client for _, c in w.ledger.out.values()) for p in dead), "everybody at b talks")
            await asyncio.to_thread(w.place.b.kill)
        since = time.monotonic()
        await w.move(dead, w.place.a)
        await w.talk(AT_B, w.place.a.address, LEASE + 20)
        took = time.monotonic() - since
    await w.ledger.settle(lost=lambda person, client: client in gone)
    await w.ledger.received(w.at(*AT_A), first)
    await asyncio.to_thread(w.place.start_ejabberd, w.place.b)
    await asyncio.to_thread(w.place.start_instance_on, w.place.b)
    await w.move(dead, w.place.b)
    await w.talk(AT_B, w.place.b.address)
    await w.ledger.settle(lost=lambda person, client: client in gone)
    return "all of them talk %.1f s after, the lease is %d s" % (took, LEASE)


async def cut(w):
    """a machine is cut off while its processes live: it logs its users out, the other has them, and it comes back"""
    cut_off, first = w.at(*AT_A), w.ledger.numbers
    gone = [p.client for p in cut_off]
    async with w.ledger.load(*w.at(*AT_B)):
        async with w.ledger.load(*cut_off):
            await eventually(lambda: all(any(c is p.client for _, c in w.ledger.out.values()) for p in cut_off), "everybody at a talks")
            await asyncio.to_thread(w.place.a.cut)
        # The network notices that they are gone when it has something for them.
        for person in cut_off:
            w.ledger.tell(person)
        await w.move(cut_off, w.place.b)
        await w.place.see_log(w.place.instances[w.place.a], "logged out", limit=LEASE + 10)
        await w.talk(AT_A, w.place.b.address, LEASE + 20)
        await eventually(lambda: not w.ledger.open(lambda person, client: client in gone or person not in cut_off), "what they said there arrives or is refused")
        await asyncio.to_thread(w.place.a.mend)
        await renewed(w.place)
        # Mnesia does not join what was apart: the administrator starts that node again.
        await asyncio.to_thread(w.place.stop_ejabberd, w.place.a)
        await asyncio.to_thread(w.place.start_ejabberd, w.place.a)
        await w.move(cut_off, w.place.a)
        await w.talk(AT_A, w.place.a.address)
    await w.ledger.settle(lost=lambda person, client: client in gone)
    await w.ledger.received(w.at(*AT_B), first)
    return w.ledger.count(first)


async def brief(w):
    """PostgreSQL restarts within a lease: nobody notices"""
    there = w.place.log(w.place.irc_log)
    async with w.ledger.load(*w.at(*AT_A, *AT_B)):
        await asyncio.to_thread(w.place.stop_database)
        await asyncio.to_thread(w.place.start_database)
        await renewed(w.place)
        await w.talk(AT_A, w.place.a.address)
        await w.talk(AT_B, w.place.b.address)
    await w.ledger.settle()
    quits = [l for l in w.place.log(w.place.irc_log)[len(there):] if ": quit " in l]
    if quits:
        raise Failed("somebody was logged out:\n" + "".join(quits))


async def database(w):
    """PostgreSQL is away under load for longer than a lease: everybody is logged out, told so, and back after it"""
    first = w.ledger.numbers
    async with w.ledger.load(*w.at(*AT_A, *AT_B)):
        await asyncio.to_thread(w.place.stop_database)
        since = time.monotonic()
        await w.register.without(*AT_A, *AT_B)
        out = time.monotonic() - since
        for person in w.at("romeo", "juliet"):
            await w.ledger.refused(person)
        await asyncio.to_thread(w.place.start_database)
        await w.talk(AT_A, w.place.a.address)
        await w.talk(AT_B, w.place.b.address)
    await w.ledger.settle_stop(w.at(*AT_A, *AT_B))
    return "%s; logged out after %.1f s" % (w.ledger.count(first), out)
