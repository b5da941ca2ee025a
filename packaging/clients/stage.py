# SPDX-License-Identifier: GPL-2.0-or-later
"""The stage that every client of this folder plays on: where the server is, the
other person, a home directory of the client's own, and what was seen.

A script is `play(stage)` behind `main`: it prints one line of what was seen and
ends with 0; if anything fails, or it takes too long, the transcript, and 1."""
import argparse
import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True  # the tree is for sources
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "debian" / "tests"))


def need(*packages):
    """Installs the Debian packages that are missing."""
    subprocess.run([str(HERE.parent / "need"), *packages], check=True)


need("python3-slixmpp")
from world import LIMIT, Failed, wait_for  # noqa: E402,F401
from peers import make_peer  # noqa: E402


def options():
    p = argparse.ArgumentParser(description="Drives an XMPP client against a server, unattended.")
    p.add_argument("--host", default="127.0.0.1", help="where the server listens")
    p.add_argument("--port", type=int, default=5222, help="for STARTTLS")
    p.add_argument("--tls-port", type=int, default=0, help="for direct TLS; 0: none")
    p.add_argument("--websocket", default="", help="URL, wss://…")
    p.add_argument("--domain", required=True, help="the server's XMPP domain")
    p.add_argument("--account", required=True, help="the localpart to log in with")
    p.add_argument("--password", required=True)
    p.add_argument("--certificate", required=True, type=pathlib.Path, help="PEM file of the certificate to trust, and no other")
    p.add_argument("--contact", required=True, help="JID of the other person")
    p.add_argument("--room", required=True, help="JID of a room where the other person is")
    p.add_argument("--peer", required=True, help="how to be the other person: irc:HOST:PORT, xmpp:PASSWORD, or echo (it answers by itself)")
    p.add_argument("--limit", type=int, default=90, help="seconds for all of it")
    return p.parse_args()


class Stage:
    """home is a directory of the client's own, which ends with the play; env is
    the environment with it as its home. The other person lives in a thread."""

    def __init__(self, target):
        self.target = target
        self.jid = "%s@%s" % (target.account, target.domain)
        self.nick = target.account
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="spectrum2-client-"))
        self.env = {**os.environ, "HOME": str(self.home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                    "XDG_CONFIG_HOME": str(self.home / ".config"), "XDG_DATA_HOME": str(self.home / ".local/share"),
                    "XDG_CACHE_HOME": str(self.home / ".cache"), "XDG_RUNTIME_DIR": str(self.home),
                    # What OpenSSL and Go trust.
                    "SSL_CERT_FILE": str(target.certificate), "SSL_CERT_DIR": str(self.home)}
        self.seen, self.transcript, self.started = [], [], time.monotonic()
        self.children = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.peer = None

    def perform(self, play, limit=2 * LIMIT):
        """Runs a coroutine in the other person's thread and waits for its result."""
        return asyncio.run_coroutine_threadsafe(play, self.loop).result(limit)

    def note(self, what):
        """Puts a line into the transcript."""
        self.transcript.append("%7.3f %s" % (time.monotonic() - self.started, what))

    def saw(self, what):
        """A step that was seen to work; they make the line at the end."""
        self.note("SEEN: " + what)
        self.seen.append(what)

    def file(self, path, text):
        """Writes a file below the home directory."""
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    def spawn(self, *command, name=None, **more):
        """Starts a program that is ended with the stage; what it prints goes to a file that
        the transcript shows."""
        log = self.home / ((name or pathlib.Path(command[0]).name) + ".log")
        with open(log, "wb") as out:
            child = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     cwd=self.home, start_new_session=True, **more)
        self.children.append((child, log))
        return child, log

    def enter(self):
        """The other person comes, and is in the account's contact list."""
        self.peer = self.perform(make_peer(self.target))
        self.perform(self.peer.befriend())
        self.note("%s is there, and in the contact list" % self.target.contact)

    # The conversation, in the words of the other person.

    def hears(self, text):
        self.perform(self.peer.hears(text))
        self.note("%s heard %r" % (self.target.contact, text))

    def says(self, text):
        """Lets the other person write to the account; returns the text that will arrive."""
        return self.perform(self.peer.says(text))

    def room_hears(self, text):
        self.perform(self.peer.room_hears(text))
        self.note("%s heard %r in the room" % (self.target.contact, text))

    def room_says(self, text):
        return self.perform(self.peer.room_says(text))

    def online(self):
        """Waits until the other person sees the account online."""
        self.perform(self.peer.sees_online())
        self.note("%s sees %s online" % (self.target.contact, self.jid))

    def room_sees(self):
        """Waits until the other person sees the account's nick come into the room."""
        self.perform(self.peer.room_sees(self.nick))
        self.note("%s sees %s in the room" % (self.target.contact, self.nick))

    def leave(self):
        for child, log in reversed(self.children):
            end(child)
            self.transcript.append("-- %s:\n%s" % (log.name, log.read_text(errors="replace")[-60000:]))
        try:
            if self.peer:
                self.perform(self.peer.leave(), 10)
            self.perform(quiet(), 10)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
            shutil.rmtree(self.home, ignore_errors=True)


async def quiet():
    """Ends what coroutines have left running."""
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left)


def end(child):
    """Ends a child with its process group."""
    for sig, wait in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, sig)
        except ProcessLookupError:
            pass
        try:
            child.wait(wait)
            if sig == signal.SIGKILL:
                return
        except subprocess.TimeoutExpired:
            pass


def main(name, play):
    target = options()
    stage = Stage(target)

    def late(*_):
        raise Failed("not done within %d s" % target.limit)

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGTERM, interrupted)
    signal.alarm(target.limit)
    error = None
    try:
        stage.enter()
        play(stage)
    except KeyboardInterrupt:
        error = "interrupted"
    except Exception as e:  # a client may fail in any way; all are told
        error = str(e) or repr(e)
        if not isinstance(e, Failed):
            stage.note(traceback.format_exc())
    finally:
        signal.alarm(0)
        stage.leave()
    if error is None:
        print("%s: %s (%.1f s)" % (name, "; ".join(stage.seen), time.monotonic() - stage.started))
        sys.exit(0)
    for line in stage.transcript:
        print("  " + line.replace("\n", "\n  "))
    print("%s FAILED: %s; before it: %s" % (name, error, "; ".join(stage.seen) or "nothing"))
    sys.exit(1)
