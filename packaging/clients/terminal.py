# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that runs in a terminal: its screen, as a person would see it."""
import os
import re
import time

from stage import Failed, LIMIT, need

need("python3-pexpect", "python3-pyte")
import pexpect  # noqa: E402
import pyte  # noqa: E402


class Terminal:
    """A program on a pseudo-terminal. Entering starts it, leaving ends it; the
    transcript gets the screen when a wait failed."""

    def __init__(self, stage, command, *arguments, size=(50, 160)):
        self.stage, self.size = stage, size
        self.screen = pyte.Screen(size[1], size[0])
        self.stream = pyte.ByteStream(self.screen)
        self.command, self.arguments = command, list(arguments)

    def __enter__(self):
        self.child = pexpect.spawn(self.command, self.arguments, env={**self.stage.env, "TERM": "linux"},
                                   dimensions=self.size, cwd=str(self.stage.home))
        self.child.delaybeforesend = None
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.stage.note("the screen of %s:\n%s" % (self.command, self.text()))
        self.child.close(force=True)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, line):
        self.stage.note("typed: " + re.sub(r"password \S+", "password …", line))
        self.child.send(line + "\r")

    def keys(self, keys):
        self.child.send(keys)

    def feed(self):
        """Takes what the program wrote, waiting a moment for it."""
        try:
            self.stream.feed(self.child.read_nonblocking(65536, timeout=0.2))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            raise Failed("%s has ended" % self.command) from None

    def see(self, pattern, what=None, limit=LIMIT):
        """Waits until the screen matches."""
        self.either({"": pattern}, what or pattern, limit)

    def either(self, patterns, what, limit=LIMIT):
        """Waits until the screen matches one of the patterns; returns its name."""
        end = time.monotonic() + limit
        while True:
            for name, pattern in patterns.items():
                if re.search(pattern, self.text()):
                    return name
            if time.monotonic() > end:
                raise Failed("%s does not show %s within %d s" % (os.path.basename(self.command), what, limit))
            self.feed()

    def ended(self, limit=LIMIT):
        """Waits until the program has ended by itself."""
        end = time.monotonic() + limit
        try:
            while time.monotonic() < end:
                self.feed()
        except Failed:
            self.child.wait()
            return
        raise Failed("%s does not end" % self.command)
