"""Where a pool listens, as the user writes it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from hashjoule.errors import UsageError

POOL_PASSWORD_VARIABLE = "HASHJOULE_POOL_PASSWORD"
"""Environment variable that holds the password at the pools."""

_USES_TLS = {"stratum+tcp": False, "stratum+ssl": True}
_EXAMPLE = "--pool must look like stratum+tcp://pool.example:3333 or stratum+ssl://pool.example:3334"


@dataclass(frozen=True)
class PoolUrl:
    """The host and port of a pool, and whether it speaks TLS."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> PoolUrl:
        """Read stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT.

        Raises:
            UsageError: It is something else. The message does not repeat it, since it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UsageError(_EXAMPLE) from None
        if parts.username is not None or parts.password is not None:
            raise UsageError(f"--pool must hold no user and no password; use --user and {POOL_PASSWORD_VARIABLE}")
        surplus = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme not in _USES_TLS or not parts.hostname or not port or surplus:
            raise UsageError(_EXAMPLE)
        return cls(parts.hostname, port, _USES_TLS[parts.scheme])

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
