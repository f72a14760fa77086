"""What miners say of themselves: their rate, power, temperatures and firmware, read over the network (`--device`).

Nothing is ever set. A figure that a device does not know, or cannot know yet, is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.records.gauge import DeviceReport

_FORMS = "http://HOST[:PORT] for AxeOS, cgminer://HOST[:PORT] for Antminer, Avalon, Whatsminer, Braiins OS and LuxOS"


class DeviceError(UnavailableError):
    """A device cannot be reached, or answers something else than a miner does."""


class Device(NamedTuple):
    """A miner that can be asked about itself."""

    url: str
    host: str
    read: Callable[[], DeviceReport]
    """Takes up to some seconds. Raises DeviceError."""


def device(url: str) -> Device:
    """Return the device of a URL; it is not asked yet.

    Raises:
        UsageError: The URL has another form.
    """
    from hashjoule.gauge.devices import axeos, cgminer

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"--device: {url!r} has a wrong port or host; give {_FORMS}") from None
    if "@" in parts.netloc:
        raise UsageError("--device must hold no user and no password: hashjoule only reads what needs none")
    if parts.scheme not in ("http", "cgminer") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"--device: {url!r} names no device; give {_FORMS}")
    if parts.scheme == "http":
        return Device(url, host, lambda: axeos.read(host, port or axeos.PORT))
    return Device(url, host, lambda: cgminer.read(host, port or cgminer.PORT))
