"""A bitcoind as a chain to mine on."""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct

from hashjoule.errors import HashjouleError, UnavailableError, printable_line
from hashjoule.mine.bitcoind.rpc import Call, Rpc
from hashjoule.mine.chain import TIME_TOO_NEW, WAIT_SECONDS, RefusedError, RpcError, Standing, TooEarlyError
from hashjoule.mine.template import Template, check_template

_POLL_SECONDS = 0.05
_RULES = {"rules": ["segwit", "signet"]}
"""The rules that a client must know before it gets a template (BIP 9)."""

_GET_TEMPLATE = Call("getblocktemplate", (_RULES,), Template)

_NOT_FOUND = -5
_UNSUPPORTED_RULE = -8
_UNDECODABLE = -22
"""Error codes of getblockheader, getblocktemplate and submitblock (Bitcoin Core, rpc/protocol.h)."""


class _ChainInfo(Struct):
    chain: str


class _Tip(Struct):
    hash: str


class _BlockHeader(Struct):
    confirmations: int


class Node:
    """A bitcoind. See `Chain` for what its methods return."""

    def __init__(self, rpc: Rpc, chain: str) -> None:
        self._rpc, self._chain = rpc, chain
        self._checked_connection = 0

    def template(self) -> Template:
        """Return what to mine now.

        Raises:
            HashjouleError: The node is on another chain than the wanted one.
        """
        (template,) = self._call_for_template(_GET_TEMPLATE)
        return check_template(template)

    def _call_for_template(self, *calls: Call) -> list[Any]:
        """Make calls of which the last one is for a template, on a connection to a node of the wanted chain."""
        self._check_chain()
        try:
            answers = self._rpc.batch(*calls)
        except RpcError as error:
            if TIME_TOO_NEW in str(error):
                raise TooEarlyError from None
            if error.code == _UNSUPPORTED_RULE:
                raise UnavailableError(f"{error}; update hashjoule or use a node without that rule") from None
            raise
        self._check_chain()
        return answers

    def _check_chain(self) -> None:
        """Ask for the node's chain on each new connection; raise HashjouleError if it is not the wanted one."""
        if self._checked_connection == self._rpc.connections > 0:
            return
        chain = printable_line(self._rpc.call("getblockchaininfo", answer=_ChainInfo).chain)
        if chain != self._chain:
            raise HashjouleError(
                f"the node at {self._rpc.url} is on {chain}, not on {self._chain}; give --chain {chain} or another node"
            )
        self._checked_connection = self._rpc.connections

    def propose(self, block: bytes) -> str | None:
        """Return why the node would reject this block, proof of work aside (BIP 23, block proposals)."""
        request = _RULES | {"mode": "proposal", "data": block.hex()}
        return _printable(self._rpc.call("getblocktemplate", request, answer=str | None))  # type: ignore[arg-type]

    def submit(self, block: bytes) -> tuple[str | None, Template]:
        """Submit a block, and ask what to mine next.

        Both travel in one request, because no hash is made between two blocks.
        """
        try:
            reason, template = self._call_for_template(Call("submitblock", (block.hex(),), str | None), _GET_TEMPLATE)
        except RpcError as error:
            if error.code != _UNDECODABLE:
                raise
            return str(error), self.template()
        return _printable(reason), check_template(template)

    def standing(self, block_hash: bytes) -> Standing:
        """Return where the block with this hash is."""
        try:
            header = self._rpc.call("getblockheader", block_hash[::-1].hex(), answer=_BlockHeader)
        except RpcError as error:
            if error.code != _NOT_FOUND:
                raise
            return Standing.UNKNOWN
        return Standing.ACTIVE if header.confirmations > 0 else Standing.STALE

    def watch(self) -> NodeWatch:
        """Return a watch over the tip, with a connection of its own."""
        return NodeWatch(Rpc(self._rpc.url, self._rpc.credentials, self._rpc.stop))

    def close(self) -> None:
        """Close the connection."""
        self._rpc.close()


def _printable(reason: str | None) -> str | None:
    return printable_line(reason) if reason else reason


class NodeWatch:
    """Looks for new tips with waitforblockheight, or by asking for the best block where a node lacks or forbids that.

    BIP 22's long poll holds an RPC thread until a tip comes, and a client cannot take it back: with one thread, or as
    many miners as threads, no block would ever get through. waitforblockheight is as fast and ends by itself.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc, self._polls = rpc, False

    def outdated(self, template: Template) -> bool:
        """Wait a moment, then return whether the template builds on another block than the tip."""
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
        """Close the connection."""
        self._rpc.close()
