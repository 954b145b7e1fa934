"""The HTTP session of one account: what it sends with each request, and what it never does."""

from __future__ import annotations

import requests

from exporter import __version__
from exporter.config import AccountConfig


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Lead nowhere: to offer a next step, requests would read a redirect's body, whatever its size."""


def open_session(account: AccountConfig) -> requests.Session:
    """Open a session that knows the account's proxy and authorities, and nothing of the environment."""
    collection = account.collection
    session = _Session()
    session.trust_env = False
    session.stream = True
    session.headers["User-Agent"] = f"exotel-exporter/{__version__}"
    session.headers["Accept"] = "application/json, */*;q=0.5"  # AgentStream is told in XML
    session.headers["Accept-Encoding"] = "gzip"  # the one encoding that every installation can decode
    if collection.proxy_url:
        session.proxies = {"http": collection.proxy_url.reveal(), "https": collection.proxy_url.reveal()}
    if collection.tls_config.ca_file:
        session.verify = str(collection.tls_config.ca_file)
    return session
