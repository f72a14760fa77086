"""A regtest chain in a directory, validated by Bitcoin Core's own code (libbitcoinkernel); no bitcoind needed."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from hashjoule.errors import UnavailableError, UsageError
from hashjoule.job import sha256d
from hashjoule.mine.chain import TIME_TOO_NEW, Standing
from hashjoule.mine.template import Template

ANYONE_CAN_SPEND = bytes.fromhex("0020") + bytes.fromhex(
    "4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260"
)
"""Pays the witness script OP_TRUE (p2wsh: its SHA-256). Practice coins go there when no address is given."""

_VERSION = 0x20000000
_FIRST_SUBSIDY_SATOSHI = 50 * 100_000_000
_HALVING_BLOCKS = 150
"""How often regtest's subsidy halves (Bitcoin Core, kernel/chainparams.cpp)."""

_MEDIAN_BLOCKS = 11
_MAX_AHEAD_SECONDS = 2 * 60 * 60

_CHAIN_FILES = re.compile(r"blocks|chainstate|blocks/(index|xor\.dat|(blk|rev)\d{5}\.dat)")
"""What libbitcoinkernel writes into its directory."""


class EmbeddedChain:
    """A regtest chain of one process; it goes on where it ended. See `Chain` for what its methods return."""

    def __init__(self, directory: Path) -> None:
        """Open the chain in a directory, or begin one where the directory is new or empty.

        Raises:
            UsageError: The directory holds something else.
            UnavailableError: libbitcoinkernel is not installed, or the directory cannot be used.
        """
        try:
            import pbk
        except ImportError:
            raise UnavailableError(
                "the embedded chain needs libbitcoinkernel (there is one for Python 3.13 and older); "
                "install it: pip install 'hashjoule[embedded]'"
            ) from None
        self._pbk: Any = pbk
        self._reason: str | None = None
        callbacks = pbk.ValidationInterfaceCallbacks(block_checked=self._on_block_checked)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _refuse_other_content(directory)
            self._manager: Any = pbk.load_chainman(directory, pbk.ChainType.REGTEST, callbacks)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "it is in use by another process, or damaged"
            raise UnavailableError(
                f"no chain can be opened in {directory} ({reason}); give another --embedded"
            ) from None
        self._chain: Any = self._manager.get_active_chain()

    def _on_block_checked(self, _: object, block: Any, state: Any) -> None:
        if state.validation_mode != self._pbk.ValidationMode.VALID:
            self._reason = state.block_validation_result.name.lower()

    def _tip(self) -> Any:
        return self._chain.block_tree_entries[self._chain.height]

    def template(self) -> Template:
        """Return an empty block on the tip to mine now."""
        tip = self._tip()
        height = tip.height + 1
        times = []
        entry = tip
        for _ in range(min(_MEDIAN_BLOCKS, height)):
            times.append(int(entry.block_header.timestamp.timestamp()))
            entry = entry.previous if entry.height else entry
        mintime = sorted(times)[len(times) // 2] + 1
        return Template(
            version=_VERSION,
            previousblockhash=str(tip.block_hash),
            transactions=[],
            coinbasevalue=_FIRST_SUBSIDY_SATOSHI >> height // _HALVING_BLOCKS,
            height=height,
            bits=f"{tip.block_header.bits:08x}",
            curtime=max(int(time.time()), mintime),
            mintime=mintime,
            rules=["csv", "!segwit", "taproot"],
        )

    def propose(self, block: bytes) -> str | None:
        """Return None: to mine a regtest block costs less than to check it first."""
        return None

    def submit(self, block: bytes) -> tuple[str | None, Template]:
        """Submit a block, and return what to mine next."""
        return self._process(block), self.template()

    def _process(self, block: bytes) -> str | None:
        """Return what is wrong with a block; None if it is the new tip.

        The library's answer alone does not tell: it is the same for some invalid blocks.
        """
        if int.from_bytes(block[68:72], "little") > time.time() + _MAX_AHEAD_SECONDS:
            return TIME_TOO_NEW
        self._reason = None
        try:
            self._manager.process_block(self._pbk.Block(block))
        except (RuntimeError, self._pbk.KernelException):
            return self._reason or "invalid"
        moved = bytes(self._tip().block_hash) == sha256d(block[:80])
        return None if moved else self._reason or "inconclusive"

    def standing(self, block_hash: bytes) -> Standing:
        """Return where the block with this hash is."""
        try:
            entry = self._manager.block_tree_entries[self._pbk.BlockHash(block_hash)]
        except KeyError:
            return Standing.UNKNOWN
        active = entry.height <= self._chain.height and self._chain.block_tree_entries[entry.height] == entry
        return Standing.ACTIVE if active else Standing.STALE

    def watch(self) -> None:
        """Return None: nobody else mines here."""
        return

    def close(self) -> None:
        """Write what is in memory, and release the directory."""
        self._chain = self._manager = None


def _refuse_other_content(directory: Path) -> None:
    """Raise UsageError if the directory holds something other than a chain of this class."""
    paths = [*directory.iterdir(), *(directory / "blocks").glob("*")]
    if any(not _CHAIN_FILES.fullmatch(path.relative_to(directory).as_posix()) for path in paths):
        raise UsageError(
            f"{directory} is not empty and holds no chain of hashjoule; give --embedded a new or empty folder"
        )
