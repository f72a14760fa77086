"""bitcoin.conf, and what else bitcoin-cli goes by: where the node listens, and how to log in there.

It follows Bitcoin Core's doc/bitcoin-conf.md. A chain's own settings (in its section, or prefixed with its name) come
before common ones, the first of several before the others, and a port at the top belongs to main alone. Like
bitcoin-cli, it ignores includeconf.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.mine.bitcoind.credentials import Credentials, bitcoin_core_rpc

_NAMES = ("datadir", "rpcconnect", "rpcport", "rpcuser", "rpcpassword", "rpccookiefile")
_MAIN_ONLY_AT_THE_TOP = {"rpcport"}


class NodeConf:
    """What a node's bitcoin.conf says of one chain; nothing where there is no such file."""

    def __init__(self, chain: str, datadir: Path | None = None) -> None:
        """Read the file in `datadir`, or in bitcoind's usual data directory.

        Raises:
            UsageError: bitcoind itself could not read the file.
            UnavailableError: The file may not be read, or there is no home directory.
        """
        self._chain = chain
        self._datadir = datadir or _default_datadir()
        self._settings: dict[str, str] = {}
        file = self._datadir / "bitcoin.conf"
        if file.exists():
            self._settings = _settings(list(_read(file)), chain)
        if datadir is None and "datadir" in self._settings:
            self._datadir = Path(self._settings["datadir"])

    @property
    def url(self) -> str:
        """Where the node listens for RPC: on this machine at the chain's usual port, unless the file says otherwise."""
        host = self._settings.get("rpcconnect", "127.0.0.1")
        port = self._settings.get("rpcport") or bitcoin_core_rpc().rpc_port_from_chain(self._chain)
        return f"http://{host}:{port}"

    @property
    def credentials(self) -> Credentials:
        """The user and password of the file if it has both, else the cookie where bitcoind writes it."""
        user, password = self._settings.get("rpcuser", ""), self._settings.get("rpcpassword")
        if password:
            return Credentials(user=user, password=password)
        cookie = Path(bitcoin_core_rpc().cookie_path_from_chain(self._chain, self._datadir))
        return Credentials(cookie.parent / self._settings.get("rpccookiefile", cookie.name))


def _default_datadir() -> Path:
    directory = bitcoin_core_rpc().default_datadir()
    if directory is None:
        raise UnavailableError("there is no home directory to find bitcoind's data in; give --datadir or --cookie")
    return Path(directory)


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the file's settings as names, prefixed with their section, and values."""
    try:
        content = file.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise UnavailableError(f"{file} cannot be read ({error.strerror}); give --rpc-url and --cookie") from None
    prefix = ""
    for number, line in enumerate(content.splitlines(), 1):
        setting = line.partition("#")[0].strip()
        name, equals, value = setting.partition("=")
        if setting.startswith("[") and setting.endswith("]"):
            prefix = setting[1:-1] + "."
        elif equals:
            yield prefix + name.strip(), value.strip()
        elif setting:
            raise UsageError(
                f"line {number} of {file} is not of the form setting=value; correct it, as bitcoind needs it too"
            )


def _settings(lines: list[tuple[str, str]], chain: str) -> dict[str, str]:
    return {name: values[0] for name in _NAMES if (values := _values(lines, name, chain))}


def _values(lines: list[tuple[str, str]], name: str, chain: str) -> list[str]:
    """Return all values of a setting, the one that counts first."""
    own = [value for key, value in lines if key == f"{chain}.{name}"]
    common = [value for key, value in lines if key == name]
    return own + (common if chain == "main" or name not in _MAIN_ONLY_AT_THE_TOP else [])
