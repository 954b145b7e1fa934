"""For containers: exit with 0 if the exporter answers at the URL of the first argument, else with 1.

Who asks is on the same machine and has neither a name to verify nor a secret to give: certificates are not
verified, and an exporter that wants a password (401) or a client's certificate (it breaks off) does answer.
So does one whose rate limit is used up by others (429).
"""

import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

TIMEOUT = 4.0
"""Seconds."""


def answers(url: str) -> bool:
    """Return whether what listens there answers, and not with a failure of its own."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    connection = _over_tls(parts.netloc) if tls else HTTPConnection(parts.netloc, timeout=TIMEOUT)
    met = False
    try:
        connection.connect()
        met = tls  # a handshake takes a program that is there, not only its socket
        connection.request("GET", parts.path)
        return connection.getresponse().status in {200, 401, 429}
    except ssl.SSLError as error:
        return met or "ALERT" in (error.reason or "")
    except ConnectionError:
        return met
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _over_tls(address: str) -> HTTPSConnection:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(address, timeout=TIMEOUT, context=context)


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
