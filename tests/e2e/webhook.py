"""The end of the chain: a receiver that remembers what Alertmanager delivered."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Listens on loopback and keeps every alert that is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where alerts are delivered to."""
        return f"http://127.0.0.1:{self.server_port}/alerts"

    def firing(self, **labels: str) -> list[dict[str, Any]]:
        """The alerts delivered as firing that carry these labels."""
        return [
            alert
            for alert in list(self.alerts)
            if alert["status"] == "firing" and labels.items() <= alert["labels"].items()
        ]

    def still_firing(self) -> list[dict[str, Any]]:
        """The alerts of which nobody was told that they are over."""
        last = {alert["fingerprint"]: alert for alert in list(self.alerts)}
        return [alert for alert in last.values() if alert["status"] == "firing"]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.alerts.extend(json.loads(body)["alerts"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: deliveries are what is looked at."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A receiver that listens until the test is done with it."""
    with Webhook() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
