# SPDX-License-Identifier: GPL-2.0-or-later
"""What two machines do for their users while nothing is wrong, or one is stopped.
Each case leaves everything as it found it."""
import asyncio
import re

from company import AT_A, AT_B, GUEST
from people import eventually
from world import TRANSPORT, Failed


async def share(w):
    """two machines share the users, who talk both ways"""
    since = w.ledger.numbers
    await w.talk(AT_A, w.place.a.address)
    await w.talk(AT_B, w.place.b.address)
    everybody = w.at(*AT_A, *AT_B)
    async with w.ledger.load(*everybody):
        await w.ledger.more(100)
    await w.ledger.settle()
    await w.ledger.received(everybody, since)
    refused = [n for n in w.ledger.out if w.ledger.refusal(n) is not None]
    if refused:
        raise Failed("refused with nothing wrong: %s" % refused)
    return w.ledger.count(since)


async def register(w):
    """who registers at one machine is a user at the other, and one who unregisters there leaves nothing at either"""
    guest = w.people[GUEST]
    await guest.come(w.place.a)
    await guest.register()
    await guest.online()
    await w.talk((GUEST,), w.place.a.address)
    await guest.come(w.place.b)
    await w.talk((GUEST,), w.place.b.address)
    await guest.client.unregister_from(TRANSPORT)
    await w.register.without(GUEST)
    for machine in (w.place.a, w.place.b):
        await eventually(lambda machine=machine: GUEST not in w.place.spectrumctl(machine, "users"), "%s has forgotten %s" % (machine.name, GUEST))
    left = [table for table in w.place.sql("SELECT table_name FROM information_schema.columns WHERE table_schema='public' AND column_name='jid'")
            if w.place.sql("SELECT count(*) FROM %s WHERE jid='%s@localhost'" % (table, GUEST)) != ["0"]]
    if left:
        raise Failed("%s is still in %s" % (GUEST, left))
    await guest.leave()


async def status(w):
    """spectrum2 db status shows the machines, their leases and how many users each has"""
    text = await asyncio.to_thread(w.place.db, w.place.a, "status")
    for machine, there in (("a", AT_A), ("b", AT_B)):
        if not re.search(r"\b%s has %d users; its lease lasts for [0-9.]+ s" % (machine, len(there)), text):
            raise Failed("not %s with %d users and a lease in\n%s" % (machine, len(there), text))


async def both(w):
    """a user with clients at both machines is served by one of them for both, and moves when only the other's is left"""
    juliet = w.people["juliet"]
    await w.talk(("juliet",), w.place.b.address)
    await juliet.come_too(w.place.a)
    for _ in range(5):
        for client in (juliet.client, juliet.second):
            address = await w.ledger.said(juliet, client)
            if address != w.place.b.address:
                raise Failed("%s speaks from %s" % (client.boundjid, address))
    await juliet.change()
    await w.talk(("juliet",), w.place.a.address)
    await juliet.come(w.place.b)
    await w.talk(("juliet",), w.place.b.address)


async def stop(w):
    """the main process of one stops in order under load: its users are with the other within seconds, messages arrive or are refused"""
    since = w.ledger.numbers
    async with w.ledger.load(*w.at(*AT_A, *AT_B)):
        await w.ledger.more(30)
        await asyncio.to_thread(w.place.stop_instance, w.place.a)
        await w.talk(AT_A, w.place.b.address)
    await w.ledger.settle_stop(w.at(*AT_A))
    await w.ledger.received(w.at(*AT_B), since)
    return w.ledger.count(since)


async def back(w):
    """it comes back under load: its users are handed over"""
    since = w.ledger.numbers
    async with w.ledger.load(*w.at(*AT_A, *AT_B)):
        await w.ledger.more(30)
        await asyncio.to_thread(w.place.start_instance_on, w.place.a)
        await w.talk(AT_A, w.place.a.address)
    await w.ledger.settle()
    await w.ledger.received(w.at(*AT_B), since)
    return w.ledger.count(since)
