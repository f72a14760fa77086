"""A bitcoind as a chain to mine on."""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct

from hashjoule.errors import HashjouleError, UnavailableError, printable_line
from hashjoule.mine.bitcoind.rpc import Call, Rpc, RpcError
from hashjoule.mine.chain import TIME_TOO_NEW, RefusedError, Standing, TooEarlyError
from hashjoule.mine.template import Template, check

WAIT_SECONDS = 0.1
"""How long one wait for a new tip may hold one of the node's RPC threads."""

_POLL_SECONDS = 0.05
_RULES = {"rules": ["segwit", "signet"]}
"""What a client must say that it knows before it gets a template (BIP 9)."""

_GET_TEMPLATE = Call("getblocktemplate", (_RULES,), Template)

_NOT_FOUND = -5
_UNSUPPORTED_RULE = -8


class _ChainInfo(Struct):
    chain: str


class _Tip(Struct):
    hash: str


class _BlockHeader(Struct):
    confirmations: int


class Node:
    """A bitcoind."""

    def __init__(self, rpc: Rpc, chain: str) -> None:
        self._rpc, self._chain = rpc, chain
        self._checked = False

    def template(self) -> Template:
        """See `Chain`. The first call checks that the node is on the wanted chain; HashjouleError if not."""
        if not self._checked:
            self._check_chain()
        (template,) = self._ask(_GET_TEMPLATE)
        return check(template)

    def _ask(self, *calls: Call) -> list[Any]:
        """Makes calls of which the last one is for a template."""
        try:
            return self._rpc.batch(*calls)
        except RpcError as error:
            if TIME_TOO_NEW in str(error):
                raise TooEarlyError from None
            if error.code == _UNSUPPORTED_RULE:
                raise UnavailableError(f"{error}; update hashjoule or use a node without that rule") from None
            raise

    def _check_chain(self) -> None:
        chain = printable_line(self._rpc.call("getblockchaininfo", answer=_ChainInfo).chain)
        if chain != self._chain:
            raise HashjouleError(
                f"the node at {self._rpc.url} is on {chain}, not on {self._chain}; give --chain {chain} or another node"
            )
        self._checked = True

    def propose(self, block: bytes) -> str | None:
        """See `Chain` (BIP 23, block proposals)."""
        request = _RULES | {"mode": "proposal", "data": block.hex()}
        return _printable(self._rpc.call("getblocktemplate", request, answer=str | None))  # type: ignore[arg-type]

    def submit(self, block: bytes) -> tuple[str | None, Template]:
        """See `Chain`. One request, for between two blocks no hash is made."""
        reason, template = self._ask(Call("submitblock", (block.hex(),), str | None), _GET_TEMPLATE)
        return _printable(reason), check(template)

    def standing(self, block_hash: bytes) -> Standing:
        """See `Chain`."""
        try:
            header = self._rpc.call("getblockheader", block_hash[::-1].hex(), answer=_BlockHeader)
        except RpcError as error:
            if error.code != _NOT_FOUND:
                raise
            return Standing.UNKNOWN
        return Standing.ACTIVE if header.confirmations > 0 else Standing.STALE

    def watch(self) -> NodeWatch:
        """See `Chain`."""
        return NodeWatch(Rpc(self._rpc.url, self._rpc.credentials, self._rpc.stop))

    def close(self) -> None:
        """See `Chain`."""
        self._rpc.close()


def _printable(reason: str | None) -> str | None:
    return printable_line(reason) if reason else reason


class NodeWatch:
    """See `Watch`.

    BIP 22's long poll holds an RPC thread until a tip comes, and a client cannot take it back: with one thread, or
    as many miners as threads, no block would ever get through. waitforblockheight is as fast and ends by itself; a
    node that lacks or forbids it is asked for its tip again and again.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc, self._polls = rpc, False

    def outdated(self, template: Template) -> bool:
        """See `Watch`."""
        if not self._polls:
            try:
                milliseconds = int(1000 * WAIT_SECONDS)
                tip = self._rpc.call("waitforblockheight", template.height, milliseconds, answer=_Tip)
                return tip.hash != template.previousblockhash
            except (RpcError, RefusedError):
                self._polls = True
        time.sleep(_POLL_SECONDS)
        return self._rpc.call("getbestblockhash", answer=str) != template.previousblockhash

    def close(self) -> None:
        """Ends the connection."""
        self._rpc.close()
