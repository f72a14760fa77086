"""How to log in at a node: with its cookie file, or as a user with a password.

No credential ever stands in an error: errors hold paths and user names only.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.mine.chain import NoAnswerError

RPC_PASSWORD_VARIABLE = "HASHJOULE_RPC_PASSWORD"
"""Environment variable that holds the password of --rpc-user."""


class Credentials:
    """A cookie file, which is read again at each connection, or a user with a password.

    The password comes from the environment unless it is given.
    """

    def __init__(self, cookie: Path | None = None, user: str | None = None, password: str | None = None) -> None:
        if (cookie is None) == (user is None):
            raise UsageError("give either a cookie file or an RPC user, not both")
        if user is not None and ":" in user:
            raise UsageError(f"an RPC user's name has no colon; put the password into {RPC_PASSWORD_VARIABLE}")
        self._cookie, self._user, self._password = cookie, user, password

    def __str__(self) -> str:
        return f"the cookie {self._cookie}" if self._cookie else f"user {self._user}"

    def header(self) -> str:
        """Return the value of the HTTP header Authorization.

        Raises:
            UsageError: There is no password.
            UnavailableError: The cookie cannot be read.
        """
        return "Basic " + base64.b64encode(self._pair().encode()).decode()

    def _pair(self) -> str:
        if self._cookie:
            return _read_cookie(self._cookie)
        password = self._password or os.environ.get(RPC_PASSWORD_VARIABLE)
        if password is None:
            raise UsageError(f"set {RPC_PASSWORD_VARIABLE} to the password of {self}")
        return f"{self._user}:{password}"


def bitcoin_core_rpc() -> Any:
    """Return the library bitcoin-core-rpc, which knows data directories, ports and cookie files.

    Raises:
        UnavailableError: It is not installed.
    """
    try:
        import bitcoin_core_rpc
    except ImportError:
        raise UnavailableError("bitcoin-core-rpc is missing; install it: pip install 'hashjoule[mine]'") from None
    return bitcoin_core_rpc


def _read_cookie(path: Path) -> str:
    library = bitcoin_core_rpc()
    try:
        return str(library.cookie_auth(path))
    except library.CookieNotFoundError:
        raise NoAnswerError(
            f"there is no cookie {path}; start bitcoind, or say where it is with --datadir, --cookie or --rpc-user"
        ) from None
    except library.FetchError as error:  # its sentences name the file, never what is in it
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else str(error)
        raise UnavailableError(f"the cookie {path} cannot be used: {reason}") from None
