# SPDX-License-Identifier: GPL-2.0-or-later
"""Every message between people and Echo has a number, and the ledger knows what
became of it: where it arrived, how often, and what its sender was told."""
import asyncio
import contextlib

from people import eventually
from world import LIMIT, TRANSPORT, Failed

ECHO = "echo@" + TRANSPORT


class Ledger:
    """Every numbered message between people and Echo."""

    def __init__(self, echo, people):
        self.echo, self.people = echo, people
        # Number: who sent it with which client, or to whom Echo did.
        self.out, self.to = {}, {}
        self.numbers = 0
        # What is known to be lost.
        self.lost = set()

    def number(self):
        self.numbers += 1
        return self.numbers

    def say(self, person, client=None):
        """A person's client sends the next message."""
        number, client = self.number(), client or person.client
        self.out[number] = (person, client)
        message = client.make_message(mto=ECHO, mbody="out %d" % number, mtype="chat")
        message["id"] = "out-%d" % number
        message.send()
        return number

    def tell(self, person):
        """Echo sends the next message."""
        number = self.number()
        self.to[number] = person
        self.echo.tell(person.name, number)
        return number

    def refusal(self, number):
        """The error that the sender of a message was sent, None if there is none."""
        person, client = self.out[number]
        return person.inboxes[client].look().errors.get("out-%d" % number)

    def arrivals(self, person, text):
        """How often each of the person's clients saw a text."""
        return [person.inboxes[client].look().texts[text] for client in person.clients]

    def settled(self, number):
        return number in self.echo.heard or self.refusal(number) is not None

    def open(self, lost=lambda person, client: False):
        return [n for n, (person, client) in self.out.items() if n not in self.lost and not self.settled(n) and not lost(person, client)]

    async def settle(self, lost=lambda person, client: False, limit=LIMIT):
        """Waits until each message has arrived or was refused to its sender; lost says
        of whose message nothing is promised."""
        await eventually(lambda: not self.open(lost), lambda: "what became of %s" % [(n, self.out[n][0].name) for n in self.open(lost)], limit)
        self.lost.update(self.open())

    async def settle_stop(self, people, limit=8):
        """As settle, but the last message of each of the people may be lost: what ejabberd routes
        to a component between the end of its stream and the end of its route goes nowhere."""
        with contextlib.suppress(Failed):
            await self.settle(limit=limit)
        lost = self.open()
        names = [self.out[n][0].name for n in lost]
        if len(set(names)) < len(names) or not set(names) <= {p.name for p in people}:
            raise Failed("lost: %s" % [(n, self.out[n][0].name) for n in lost])
        self.lost.update(lost)

    async def refused(self, person, limit=LIMIT):
        """The person's client talks until it is refused."""
        since = self.numbers

        def look():
            said = [n for n, (p, _) in self.out.items() if n > since and p is person]
            return any(self.refusal(n) is not None for n in said)
        await eventually(look, "%s's messages are refused" % person.name, limit)

    async def received(self, people, since=0, limit=LIMIT):
        """Waits until they have seen everything that Echo has said to them since a number."""
        def missing():
            return [n for n, person in self.to.items() if n > since and person in people and not any(self.arrivals(person, "in %d" % n))]
        await eventually(lambda: not missing(), lambda: "they see what Echo says: %s" % [(n, self.to[n].name, n in self.echo.refused) for n in missing()], limit)

    def count(self, since):
        """A sentence on the messages since a number."""
        numbers = [n for n in self.out if n > since]
        lost = len([n for n in self.lost if n > since])
        return "%d messages, %d refused%s" % (len(numbers), sum(self.refusal(n) is not None for n in numbers), lost and ", %d lost" % lost or "")

    async def said(self, person, client=None, limit=LIMIT):
        """The next message of a client, which is not to be refused; the address from which it reached IRC."""
        number = self.say(person, client)
        await eventually(lambda: self.settled(number), "%s's message %d arrives" % (person.name, number), limit)
        if number not in self.echo.heard:
            raise Failed("%s's message was refused: %s" % (person.name, self.refusal(number)))
        return self.echo.heard[number][0][1]

    async def talk(self, person, address, limit):
        """The person's client talks until what it says comes from the address, and sees the answer."""
        deadline = asyncio.get_running_loop().time() + limit
        while True:
            number = self.say(person)
            with contextlib.suppress(Failed):  # settle says whether it may be lost
                await eventually(lambda: self.settled(number), "", 3)
            by = self.echo.heard.get(number) or [("", self.refusal(number))]
            if by[0][1] == address:
                break
            if asyncio.get_running_loop().time() > deadline:
                raise Failed("%s does not talk from %s within %d s: %s" % (person.name, address, limit, by[0][1]))
            await asyncio.sleep(0.1)
        await eventually(lambda: any(self.arrivals(person, "back %d" % number)), "%s sees the answer to message %d" % (person.name, number), limit)

    def twice(self):
        """What arrived more than once, either way."""
        found = ["out %d of %s: %s" % (n, self.out[n][0].name, by) for n, by in self.echo.heard.items() if len(by) > 1]
        for text, numbers in (("in %d", self.to), ("back %d", self.out)):
            for n in numbers:
                person = self.to[n] if n in self.to else self.out[n][0]
                times = self.arrivals(person, text % n)
                if (max(times) if person.had_two else sum(times)) > 1:
                    found.append(text % n + " to " + person.name)
        return found

    @contextlib.asynccontextmanager
    async def load(self, *people, each=0.03):
        """Everybody talks both ways as long as it lasts: a client that sends has an answer
        or waits a little, and goes on."""
        tasks = [asyncio.ensure_future(self._load(person, each)) for person in people]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
                    raise result

    async def more(self, messages):
        """Waits for that many further messages."""
        enough = len(self.out) + messages
        await eventually(lambda: len(self.out) >= enough, "%d messages" % messages)

    async def _load(self, person, each):
        while True:
            self.tell(person)
            if person.client:
                number = self.say(person)
                with contextlib.suppress(Failed):
                    await eventually(lambda: self.settled(number), "", 2)
            await asyncio.sleep(each)
