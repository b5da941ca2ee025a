# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster with other ways of ejabberd's to choose a component. Each case sets up
ejabberd for itself, and leaves it so."""
from company import AT_A, AT_B
from people import eventually
from world import TRANSPORT, Failed


async def apart(w):
    """without the machines' own addresses in ejabberd such a user is not sent back and forth for ever: the log names what is missing, and the one machine refuses him"""
    await w.configure(alias=False)
    await w.talk(AT_A, w.place.a.address)
    await w.talk(AT_B, w.place.b.address)
    tybalt = w.people["tybalt"]
    await tybalt.come_too(w.place.a)
    told = "stanzas of one user come to several machines"
    logs = lambda: w.place.instance_log(w.place.a) + w.place.instance_log(w.place.b)  # noqa: E731
    moved = lambda: logs().count("logged in user=tybalt@localhost")  # noqa: E731

    async def each(times):
        for _ in range(times):
            for client in (tybalt.client, tybalt.second):
                number = w.ledger.say(tybalt, client)
                await eventually(lambda number=number: w.ledger.settled(number), "tybalt's message %d arrives or is refused" % number)
                yield number

    async for _ in each(30):
        if told in logs():
            break
    else:
        raise Failed("no error about tybalt's two machines")
    async for _ in each(2):  # until what was under way then is logged
        pass
    before = moved()
    refused = [number async for number in each(5) if w.ledger.refusal(number) is not None]
    if moved() != before or before > 8 or not refused:
        raise Failed("tybalt was moved %d times, then %d times more, and %d of 10 messages were refused" % (before, moved() - before, len(refused)))
    for machine in (w.place.a, w.place.b):
        await w.place.see_log(w.place.instances[machine], "alias=%s.%s" % (machine.name, TRANSPORT))
    await w.ledger.settle()
    return "moved %d times" % (before - 1)


async def balanced(w):
    """with ejabberd's domain balancing by bare JID everybody is served by the machine that it chooses, wherever his clients are"""
    await w.configure(more="domain_balancing:\n  %s: {type: bare_source, component_number: 2}\n" % TRANSPORT)
    people, where = w.at(*AT_A, *AT_B), {}
    for person in people:
        await person.online()
    for person in people:
        where[person] = await w.ledger.said(person)
    if set(where.values()) != {w.place.a.address, w.place.b.address}:
        raise Failed("everybody is served by one machine: %s" % where)
    juliet = w.people["juliet"]
    await juliet.come_too(w.place.a)
    if await w.ledger.said(juliet, juliet.second) != where[juliet]:
        raise Failed("juliet's clients are served by two machines")
    async with w.ledger.load(*people):
        await w.ledger.more(50)
    await w.ledger.settle()
