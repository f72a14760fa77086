"""Small JSON answers over HTTP, with the logins that plugs ask for; the standard library's Digest knows no SHA-256.

Secrets come from the environment alone and appear in no message.

Source: RFC 7616 (Digest), RFC 7617 (Basic), RFC 6750 (Bearer).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import secrets
import socket
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from hashjoule.meters import MeterError

TIMEOUT_S = 3.0
_MAX_BYTES = 1 << 16
"""The longest answer that is read; a plug's whole status has a few KiB."""

_CHECK = "check the plug's address, and that it is in the same network"

USER, PASSWORD, TOKEN = "HASHJOULE_METER_USER", "HASHJOULE_METER_PASSWORD", "HASHJOULE_METER_TOKEN"
"""The environment variables that hold a meter's user, password and access token."""


@dataclass(frozen=True)
class Login:
    """What the environment says a device wants to hear. Printing it shows no secret."""

    user: str = "admin"
    """Both Shelly and Tasmota call their only user admin unless told otherwise."""
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Login:
        """Return the login that the environment variables hold."""
        return cls(os.environ.get(USER) or cls.user, os.environ.get(PASSWORD), os.environ.get(TOKEN))


@dataclass(frozen=True)
class Response:
    """An answer: its status, its JSON with numbers as they are written, and the server's clock where it tells."""

    status: int
    content: Any
    at_s: float | None
    """When the server says that it answered, in seconds since 1970."""


def get(host: str, port: int, path: str, login: Login, timeout_s: float = TIMEOUT_S) -> Response:
    """Ask for a JSON document, logging in where the device asks for it.

    Numbers keep their digits (`Decimal`), since these tell how fine a device counts. An answer with an error status
    has no content unless it is JSON.

    Raises:
        MeterError: if the device cannot be reached, is silent, or answers something else than JSON.
    """
    headers = {"Authorization": f"Bearer {login.token}"} if login.token else {}
    status, answered, body = _exchange(host, port, path, headers, timeout_s)
    challenge = answered.get("WWW-Authenticate")
    if status == 401 and challenge and login.password is not None:
        header = authorization(challenge, login, path)
        status, answered, body = _exchange(host, port, path, {"Authorization": header}, timeout_s)
    try:
        content = json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        if status == 200:
            raise MeterError(f"{host}:{port} answers, but not with JSON; is it the right device?") from None
        content = None
    return Response(status, content, _server_clock_s(answered.get("Date")))


def authorization(challenge: str, login: Login, path: str, cnonce: str | None = None) -> str:
    """Return the Authorization header for a GET that answers a challenge.

    Raises:
        MeterError: if the device asks for a kind of login that is not known here.
    """
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    asked = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
    algorithm = _DIGESTS.get(asked.get("algorithm", "MD5").upper())
    if kind.lower() != "digest" or algorithm is None or "nonce" not in asked:
        raise MeterError("the device asks for a login that hashjoule does not know; switch its login off to measure")
    realm, nonce, cnonce = asked.get("realm", ""), asked["nonce"], cnonce or secrets.token_hex(8)

    def digest(*parts: str) -> str:
        return hashlib.new(algorithm, ":".join(parts).encode()).hexdigest()

    secret, request = digest(login.user, realm, login.password or ""), digest("GET", path)
    fields = {"username": login.user, "realm": realm, "nonce": nonce, "uri": path}
    if "qop" in asked:
        fields["response"] = digest(secret, nonce, "00000001", cnonce, "auth", request)
        extra = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        fields["response"], extra = digest(secret, nonce, request), ""
    if "algorithm" in asked:
        extra += f", algorithm={asked['algorithm']}"
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    return "Digest " + ", ".join(f'{name}="{_quoted(text)}"' for name, text in fields.items()) + extra


_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_DIGESTS = {"MD5": "md5", "SHA-256": "sha256"}


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def _exchange(
    host: str, port: int, path: str, headers: dict[str, str], timeout_s: float
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    too_long = threading.Timer(2 * timeout_s, _cut, [connection])  # the timeout is for each piece that arrives
    too_long.daemon = True
    too_long.start()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read(_MAX_BYTES)
    except UnicodeError:
        raise MeterError(f"{host!r} is not a host name; give the plug's name or address") from None
    except TimeoutError:
        raise MeterError(f"{host}:{port} does not answer within {timeout_s:g} s; {_CHECK}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeterError(f"{host}:{port} cannot be reached ({reason}); {_CHECK}") from None
    except http.client.HTTPException:
        raise MeterError(f"{host}:{port} does not speak HTTP; is it the right device?") from None
    finally:
        too_long.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _server_clock_s(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
