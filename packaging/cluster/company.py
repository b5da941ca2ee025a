# SPDX-License-Identifier: GPL-2.0-or-later
"""The people of the test, at the machines where their clients are at rest."""
import asyncio

from ledger import Ledger
from people import Echo, Person, Register, eventually
from servers import LEASE
from world import Failed

AT_A, AT_B = ("romeo", "benvolio", "mercutio"), ("juliet", "tybalt", "nurse")
# Comes and goes by herself.
GUEST = "rosaline"
USERS = (*AT_A, *AT_B, GUEST)


class Company:
    """The place, and who plays in it."""

    def __init__(self, place):
        self.place = place
        self.people = {name: Person(name) for name in USERS}
        self.echo = Echo(place.network.address)
        self.ledger = Ledger(self.echo, self.people.values())
        self.register = Register(place, USERS)

    def at(self, *names):
        return [self.people[n] for n in names]

    async def begin(self):
        await self.echo.login()
        for names, machine in ((AT_A, self.place.a), (AT_B, self.place.b)):
            for person in self.at(*names):
                await person.come(machine)
                await person.register()
                await person.online()

    async def move(self, people, machine):
        """The people's clients have lost their server and log in at another machine's."""
        for person in people:
            person.lose()
        for person in people:
            await person.come(machine)

    async def talk(self, names, address, limit=30):
        """Each of them can talk both ways, by way of the machine with the address."""
        for person in self.at(*names):
            await self.ledger.talk(person, address, limit)

    async def configure(self, **how):
        """Another configuration of ejabberd, which all clients notice."""
        everybody = self.at(*AT_A, *AT_B)
        for person in everybody:
            await person.leave()
        await asyncio.to_thread(self.place.configure, **how)
        for names, machine in ((AT_A, self.place.a), (AT_B, self.place.b)):
            for person in self.at(*names):
                await person.come(machine)

    def check(self):
        """What must never have happened."""
        if twice := self.ledger.twice():
            raise Failed("arrived twice:\n" + "\n".join(twice))
        if wrong := self.register.present()[1]:
            raise Failed("\n".join(wrong))


def leases(place):
    """How many seconds the machines' leases last, by name."""
    rows = place.sql("SELECT node, lease / 1e6 - extract(epoch FROM clock_timestamp()) FROM spectrum2_nodes")
    return {name: float(left) for name, left in (row.split("|") for row in rows)}


async def renewed(place):
    """Waits until both machines have a lease that they have just renewed."""
    def look():
        left = leases(place)
        return set(left) == {"a", "b"} and min(left.values()) > LEASE * 2 / 3
    await eventually(look, lambda: "both machines renew their leases: %s" % leases(place))
