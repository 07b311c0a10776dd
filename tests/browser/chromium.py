"""A headless Chromium that opens a file, and is asked what it shows, by the DevTools protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import websocket

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome") or ""
_WAIT_S = 30
_KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), "Home": (36, ""), "End": (35, "")}
"""Keys that do something by themselves: the number and the text by which a browser knows them."""


class Browser:
    """One tab. `faults` are the exceptions and refusals that its console was told of."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        """Keep the way to the tab."""
        self._socket = socket
        self._asked = 0
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Ask for something and return the answer."""
        self._asked += 1
        asked = {"id": self._asked, "method": method, "params": params}
        self._socket.send(json.dumps(asked))
        while (told := json.loads(self._socket.recv())).get("id") != self._asked:
            self._note(told)
        return told["result"]

    def _note(self, told: dict[str, Any]) -> None:
        if told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.faults.append(json.dumps(told["params"]))

    def open(
        self, path: Path, *, width: int = 1280, fragment: str = "", dark: bool = False
    ) -> None:
        """Open a file anew, in a window of some width."""
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=f"{path.as_uri()}{fragment}")
        deadline = time.monotonic() + _WAIT_S
        while self.ask("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < deadline, "the page did not load"

    def ask(self, expression: str) -> Any:
        """Return what an expression is worth on the page, if it is a promise once it is kept."""
        told = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        number, text = _KEYS.get(key, (0, ""))
        told = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", **told, **({"text": text} if text else {})
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def write(self, text: str) -> None:
        """Type a text where the focus is."""
        self.call("Input.insertText", text=text)

    def heard(self) -> list[tuple[str, str]]:
        """Return the role and the name of all that a screen reader is told of, in order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own, and end it."""
    where = profile / "DevToolsActivePort"
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
    quiet = ("--no-first-run", "--disable-extensions", "--remote-allow-origins=*")
    command = [PROGRAM, *options, *quiet, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + _WAIT_S
            while not (where.exists() and where.read_text().count("\n")):
                assert process.poll() is None, "the browser ended"
                assert time.monotonic() < deadline, "the browser did not start"
                time.sleep(0.02)
            port = where.read_text().splitlines()[0]
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=_WAIT_S) as answer:
                (tab,) = (one for one in json.load(answer) if one["type"] == "page")
            socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=_WAIT_S)
            try:
                yield Browser(socket)
            finally:
                socket.close()
        finally:
            process.terminate()
