"""Pages in headless Chromium: how long they take, what they complain about, and how they look.

    python tests/support/browser.py PAGE.html... -o FOLDER

writes pictures of each page at the width of a phone and of a desk, light and dark, and as it is printed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
           "--no-first-run", "--disable-background-networking", "--disable-extensions")  # fmt: skip


class Tab:
    """A page in a browser, told what to do through the DevTools protocol."""

    def __init__(self, send: BinaryIO, receive: BinaryIO) -> None:
        self._send, self._receive, self._number, self._session = send, receive, 0, ""
        self.problems: list[str] = []
        """What the console says, exceptions, and requests that the page makes."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        self._send.flush()
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        found = bytearray()
        while (byte := self._receive.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            found += byte
        return dict(json.loads(found))

    def _note(self, event: dict[str, Any]) -> None:
        name, said = event.get("method"), event.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.problems.append(said["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif name == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.problems.append(said["entry"]["text"])
        elif name == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.problems.append(" ".join(str(each.get("value")) for each in said["args"]))
        elif name == "Network.requestWillBeSent":
            address = said["request"]["url"]
            if not address.startswith(("file:", "data:", "about:")):
                self.problems.append(f"requests {address}")

    def show(self, width: int, height: int = 900, dark: bool = False, print_style: bool = False) -> None:
        """Set the size and the colours of the screen."""
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", media="print" if print_style else "", features=features)

    def open(self, page: Path) -> float:
        """Open a file; returns the seconds until its scripts have run and it was drawn for the first time."""
        began = time.perf_counter()
        self.ask("Page.navigate", url=page.resolve().as_uri())
        self.run("new Promise((done) => { const drawn = () => requestAnimationFrame(() => setTimeout(done)); "
                 "document.readyState === 'complete' ? drawn() : addEventListener('load', drawn); })")  # fmt: skip
        return time.perf_counter() - began

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def picture(self, file: Path, whole: bool = True) -> None:
        """Write what is seen, or the whole page, as a PNG."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))

    def print(self, file: Path) -> None:
        """Write the page as it is printed, as a PDF."""
        file.write_bytes(base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"]))


@contextmanager
def open_browser() -> Iterator[Tab]:
    """A browser with one tab, which ends with the block."""
    if CHROMIUM is None:
        raise SystemExit("no Chromium is installed")
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # the browser reads commands from its file 3, and answers to its file 4
        shell = f'exec "$0" "$@" 3<&{commands[0]} 4>&{answers[1]}'
        process = subprocess.Popen(
            ["/bin/bash", "-c", shell, CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands[0], answers[1]), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands[0])
        os.close(answers[1])
        try:
            with os.fdopen(commands[1], "wb") as send, os.fdopen(answers[0], "rb") as receive:
                yield Tab(send, receive)
        finally:
            process.terminate()
            process.wait()


def look(tab: Tab, page: Path, folder: Path) -> None:
    """Write pictures of a page, and print what is wrong with it."""
    for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
        tab.show(width, dark=dark)
        seconds = tab.open(page)
        wide = tab.run("document.documentElement.scrollWidth")
        height = tab.run("document.documentElement.scrollHeight")
        tab.show(width, min(int(height), 16_000), dark)
        tab.picture(folder / f"{page.stem}-{width}{'-dark' if dark else ''}.png", whole=False)
        print(f"{page.name} {width}{' dark' if dark else ''}: {seconds:.2f} s, {wide} wide, {height} high")
    tab.show(1280)
    tab.open(page)
    tab.print(folder / f"{page.stem}.pdf")
    for problem in tab.problems:
        print(f"{page.name}: {problem}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", "-o", type=Path, default=Path())
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with open_browser() as tab:
        for page in chosen.pages:
            tab.problems.clear()
            look(tab, page, chosen.out)


if __name__ == "__main__":
    main()
