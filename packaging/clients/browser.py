# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, driven over its remote debugging protocol."""
import asyncio
import base64
import hashlib
import itertools
import json
import os
import re
import subprocess
import time

from stage import LIMIT, Failed, need, wait_for

need("chromium", "openssl", "python3-websockets")
import websockets  # noqa: E402


def public_key_of(certificate):
    """The SHA-256 of a certificate's public key, in base64."""
    key = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"], check=True, stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], check=True, input=key, stdout=subprocess.PIPE).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Page:
    """One page; entering starts the browser and opens it. The browser takes the
    target's public key for trusted, and no other."""

    def __init__(self, stage, url):
        self.stage, self.url = stage, url
        self.numbers, self.answers = itertools.count(1), {}

    def __enter__(self):
        root = ["--no-sandbox"] if os.getuid() == 0 else []
        _, log = self.stage.spawn(
            "chromium", "--headless=new", *root, "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
            "--user-data-dir=" + str(self.stage.home / "chromium"), "--window-size=1200,900",
            "--ignore-certificate-errors-spki-list=" + public_key_of(self.stage.target.certificate), "about:blank")
        listening = r"DevTools listening on (ws://\S+)"
        wait_for(lambda: re.search(listening, log.read_text(errors="replace")), "Chromium listens")
        self.stage.perform(self.open(re.search(listening, log.read_text(errors="replace")).group(1)))
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.stage.note("the page:\n" + str(self.evaluate("document.body && document.body.innerText")))
        self.stage.perform(self.close())

    async def open(self, address):
        self.socket = await websockets.connect(address, max_size=None)
        self.reader = asyncio.ensure_future(self.read())
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(domain + ".enable", self.session)
        await self.call("Page.navigate", self.session, url=self.url)

    async def close(self):
        await self.call("Browser.close")
        self.reader.cancel()
        await self.socket.close()

    async def read(self):
        async for frame in self.socket:
            m = json.loads(frame)
            if "id" in m:
                self.answers.pop(m["id"]).set_result(m)
            elif m["method"] == "Runtime.consoleAPICalled":
                self.stage.note("console: " + " ".join(str(a.get("value", a.get("description", ""))) for a in m["params"]["args"])[:600])
            elif m["method"] == "Runtime.exceptionThrown":
                self.stage.note("exception: " + json.dumps(m["params"]["exceptionDetails"])[:600])
            elif m["method"] == "Log.entryAdded":
                self.stage.note("browser: " + m["params"]["entry"]["text"][:600])

    async def call(self, method, session=None, **parameters):
        message = {"id": next(self.numbers), "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answer = self.answers[message["id"]] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps(message))
        result = await asyncio.wait_for(answer, LIMIT)
        if "error" in result:
            raise Failed("%s: %s" % (method, result["error"]["message"]))
        return result["result"]

    def evaluate(self, script):
        """The value of an expression in the page; a promise is waited for."""
        result = self.stage.perform(self.call("Runtime.evaluate", self.session, expression=script, awaitPromise=True, returnByValue=True))
        if "exceptionDetails" in result:
            raise Failed("%s: %s" % (script, result["exceptionDetails"].get("exception", {}).get("description")))
        return result["result"].get("value")

    def see(self, script, what, limit=LIMIT):
        """Waits until an expression is true in the page."""
        end = time.monotonic() + limit
        while not self.evaluate(script):
            if time.monotonic() > end:
                raise Failed("not within %d s: the page shows %s" % (limit, what))
            time.sleep(0.1)

    def type(self, text):
        """Types a line where the focus is."""
        self.stage.perform(self.call("Input.insertText", self.session, text=text))
        for kind in ("keyDown", "keyUp"):
            self.stage.perform(self.call("Input.dispatchKeyEvent", self.session, type=kind, key="Enter", code="Enter",
                                         windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else ""))
