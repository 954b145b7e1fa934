"""Chromium without a window, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests.e2e.processes import Program, program
from tests.tools import require
from tests.waiting import GUARD, wait_until

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-port=0", "about:blank"),
)


class Browser:
    """A tab, and what has happened in it since it was last told to open something."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; fails if it does."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := self._receive()).get("id") != number:
            pass
        assert "error" not in message, (method, message)
        return message["result"]  # type: ignore[no-any-return]

    def open(self, url: str) -> None:
        """Open a page, and wait until all of it is there."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self._loaded()

    def follow(self, script: str) -> None:
        """Do on the page what leads to another one, and wait until all of that is there."""
        self._events.clear()
        self.evaluate(f"void setTimeout(() => {{ {script} }})")
        self._loaded()

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression on the page, or what it promises."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def show(self, url: str, size: tuple[int, int], scheme: str = "light") -> None:
        """Open a page on a screen of this size, a small one being a telephone's, in light or in dark."""
        width, height = size
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.open(url)

    def events(self, *methods: str) -> list[dict[str, Any]]:
        """Return what has happened of these kinds."""
        return [event["params"] for event in self._events if event["method"] in methods]

    def _loaded(self) -> None:
        """Wait for the page; nothing can be asked of one that is about to be replaced."""
        while not self.events("Page.loadEventFired"):
            self._receive()

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(GUARD))
        if "method" in message:
            self._events.append(message)
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that knows nothing but what the test shows it, for as long as this lasts."""
    profile = folder / "profile"
    command = [require("chromium"), f"--user-data-dir={profile}", *_FLAGS]
    with program(command, folder / "chromium.log") as running:
        port = wait_until(lambda: _port(running, profile), "Chromium's port")
        targets = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=GUARD).json()
        [tab] = [target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page"]
        with connect(tab, open_timeout=GUARD, max_size=None) as socket:
            yield Browser(socket)


def _port(chromium: Program, profile: Path) -> str:
    """Return the port that Chromium has written down, once it has; fails if it has ended."""
    chromium.said()
    try:
        return (profile / "DevToolsActivePort").read_text().splitlines()[0]
    except (FileNotFoundError, IndexError):
        return ""
