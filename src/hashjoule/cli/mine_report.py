"""What `hashjoule mine` prints: blocks or shares on stdout, a live line, sentences and the summary on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hashjoule.mine.effort import Effort
from hashjoule.mine.loop import BlockStats, MinedBlock
from hashjoule.report.numbers import count, duration, hashrate, number

if TYPE_CHECKING:
    from hashjoule.mine.pools.share_miner import ShareResult, ShareStats

_LIVE_SECONDS, _LOG_SECONDS = 0.2, 30.0
"""How often the live line is renewed on a terminal, and how often a line is printed elsewhere."""

_ODDS_SECONDS = 2.0
"""When the expected time to a block on main is told: the rate is steady by then."""


class MineReport:
    """Prints a run: one line for each block or share on stdout, everything else on stderr."""

    def __init__(
        self,
        as_json: bool,
        live: Callable[[Any], Sequence[str]],
        summary: Callable[[Any], Sequence[str]],
        odds: bool = False,
    ) -> None:
        """Take how a run is shown.

        Args:
            as_json: Print blocks and shares as JSON.
            live: Makes the parts of the live line, the most important ones first.
            summary: Makes the lines of the summary.
            odds: Say once how long a block takes at this rate.
        """
        self._as_json, self._make_live, self._make_summary, self._odds = as_json, live, summary, odds
        self._is_terminal = sys.stderr.isatty()
        self._next_s = time.monotonic() + (0 if self._is_terminal else _LOG_SECONDS)

    def block(self, mined: MinedBlock) -> None:
        """Print a block on stdout."""
        self._print(mined, f"{mined.height} {mined.hash} {mined.fate}")

    def share(self, result: ShareResult) -> None:
        """Print a share on stdout."""
        difficulties = f"{result.share_difficulty:.6g} of {result.difficulty:.6g}"
        block = " block found" if result.block and result.fate == "accepted" else ""
        self._print(result, f"{result.fate} {difficulties} {result.hash}{block}")

    def _print(self, result: MinedBlock | ShareResult, line: str) -> None:
        self._clear()
        reason = f" ({result.reason})" if result.reason else ""
        print(json.dumps(asdict(result)) if self._as_json else line + reason, flush=True)

    def progress(self, stats: Effort) -> None:
        """Renew the live line, or print a line where there is no terminal, when it is time."""
        if self._odds and stats.seconds > _ODDS_SECONDS:
            self._odds = False
            rate, expected = hashrate(stats.hashrate_hs), duration(stats.expected_s)
            self.status(f"at {rate} a block on main takes {expected} on average")
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (_LIVE_SECONDS if self._is_terminal else _LOG_SECONDS)
        parts = self._make_live(stats)
        if self._is_terminal:
            self._clear()
            width = shutil.get_terminal_size().columns - 1  # a line that wraps could not be cleared
            print(fitting(parts, width), end="", file=sys.stderr, flush=True)
        else:
            print(", ".join(parts), file=sys.stderr, flush=True)

    def status(self, sentence: str) -> None:
        """Print a sentence on stderr."""
        self._clear()
        print(sentence, file=sys.stderr, flush=True)

    def end(self, stats: Effort) -> None:
        """Print the summary on stderr."""
        self._clear()
        print("\n".join(self._make_summary(stats)), file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr)


def fitting(parts: Sequence[str], width: int) -> str:
    """Join as many parts as fit into a line of this width; cut the first one if not even it fits."""
    line = parts[0][:width]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > width:
            break
        line += f", {part}"
    return line


def block_live_parts(stats: BlockStats) -> list[str]:
    """Return the live line of a run that mines blocks; what did not happen is left out."""
    return [
        f"block {stats.chain_height + 1}: {hashrate(stats.hashrate_hs)}",
        f"{count(stats.blocks, 'block')} in {duration(stats.seconds)}",
        *_counted((stats.rejected, "rejected"), (stats.stale, "stale"), (stats.wrong_hits, "hardware errors")),
        *([f"{duration(stats.expected_s)} expected for a block"] if stats.expected_s else []),
    ]


def block_summary(stats: BlockStats) -> list[str]:
    """Return the lines that end a run that mined blocks."""
    return [
        f"{count(stats.blocks, 'block')}, {stats.stale} stale, {stats.rejected} rejected, "
        f"{count(stats.wrong_hits, 'hardware error')} in {duration(stats.seconds)}",
        f"the chain's height is {stats.chain_height}",
        *_rates(stats, "block", "node"),
    ]


def share_live_parts(stats: ShareStats) -> list[str]:
    """Return the live line of a run at pools; what did not happen is left out."""
    fates = stats.fates
    return [
        f"{stats.pool or 'waiting for a pool'}: {hashrate(stats.hashrate_hs)}",
        f"{stats.accepted} accepted in {duration(stats.seconds)}",
        f"{hashrate(stats.pool_hashrate_hs)} at the pool",
        *_counted((stats.blocks, "blocks found"), (fates["rejected"], "rejected"), (fates["stale"], "stale")),
        *_counted((fates["unanswered"], "unanswered"), (stats.wrong_hits, "hardware errors")),
    ]


def share_summary(stats: ShareStats) -> list[str]:
    """Return the lines that end a run at pools."""
    fates = stats.fates
    reasons = ", ".join(f"{reason}: {n}" for reason, n in stats.reasons.most_common())
    found = f"; {count(stats.blocks, 'block')} found" if stats.blocks else ""
    return [
        f"shares: {stats.accepted} accepted, {fates['rejected']} rejected{f' ({reasons})' if reasons else ''}, "
        f"{fates['stale']} stale, {fates['unanswered']} unanswered",
        f"{count(stats.wrong_hits, 'hardware error')} in {duration(stats.seconds)}{found}",
        f"{hashrate(stats.pool_hashrate_hs)} by the accepted shares",
        *_rates(stats, "share", "pool"),
    ]


def _rates(stats: Effort, noun: str, other_side: str) -> list[str]:
    """Say the rate of a run and what it means, apart from what was found."""
    idle = f" (without {duration(stats.idle_s)} in which there was no {other_side})" if stats.idle_s >= 0.1 else ""
    expected = f"{duration(stats.expected_s)} or {number(stats.expected_hashes)} hashes"
    return [f"{hashrate(stats.hashrate_hs)} searched{idle}", f"at that rate a {noun} takes {expected} on average"]


def _counted(*amounts: tuple[int, str]) -> list[str]:
    return [f"{amount} {words}" for amount, words in amounts if amount]
