"""The URLs by which users name their wall plugs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from hashjoule.errors import UsageError
from hashjoule.meters import web


class _Scheme(NamedTuple):
    port: int | None
    """The usual port; None where the library knows it."""
    path: str
    """The form of the path."""
    form: str
    """The form of the URL, for people."""


_SCHEMES = {
    "shelly": _Scheme(80, r"\d{0,2}", "shelly://HOST[:PORT][/CHANNEL]"),
    "tasmota": _Scheme(80, "", "tasmota://HOST[:PORT]"),
    "homeassistant": _Scheme(8123, r"sensor\.[a-z0-9_]+", "homeassistant://HOST[:PORT]/sensor.NAME"),
    "kasa": _Scheme(None, "", "kasa://HOST[:PORT]"),
}

FORMS = ", ".join(scheme.form for scheme in _SCHEMES.values())
"""The forms of all URLs, for messages and help texts."""


@dataclass(frozen=True)
class PlugUrl:
    """Where a plug is."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def netloc(self) -> str:
        """Host and port, as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}" + (f"/{self.path}" if self.path not in ("", "0") else "")


def parse(url: str) -> PlugUrl:
    """Return where a URL says that a plug is.

    Raises:
        UsageError: for an unknown scheme, no host, a password in the URL, or a path that the scheme does not have.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"--meter: {url!r} has a wrong port or host; a meter is one of {FORMS}") from None
    if "@" in parts.netloc:
        raise UsageError(f"--meter: put the password into the environment variable {web.PASSWORD}, not into the URL")
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise UsageError(f"--meter: {parts.scheme or url!r} is not a kind of meter; a meter is one of {FORMS}")
    path = parts.path.strip("/")
    if not host or parts.query or parts.fragment or not re.fullmatch(scheme.path, path):
        raise UsageError(f"--meter: {url!r} should have the form {scheme.form}")
    return PlugUrl(parts.scheme, host, port or scheme.port, path or ("0" if parts.scheme == "shelly" else ""))
