"""Found blocks that the node has not answered for yet. They are kept on disk until it has."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hashjoule.errors import UnavailableError
from hashjoule.files import written
from hashjoule.job import sha256d

_HEADER_BYTES = 80


def default_directory() -> Path:
    """Return where this user's programs keep their state.

    Raises:
        UnavailableError: The user has no home directory.

    Source: XDG base directory specification.
    """
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "hashjoule"
    except RuntimeError:
        raise UnavailableError("there is no home directory to keep blocks in; set XDG_STATE_HOME") from None


@dataclass(frozen=True, slots=True)
class FoundBlock:
    """A block with proof of work: its height and its bytes. Hashes are in the order of a header."""

    height: int
    data: bytes

    @property
    def hash(self) -> bytes:
        """The block's hash."""
        return sha256d(self.data[:_HEADER_BYTES])

    @property
    def hash_hex(self) -> str:
        """The block's hash as people write it."""
        return self.hash[::-1].hex()

    @property
    def prev_hash(self) -> bytes:
        """The hash of the block that it builds on."""
        return self.data[4:36]


class PendingBlocks:
    """A directory of one chain's pending blocks. A file is named after its block's height and hash."""

    def __init__(self, directory: Path, chain: str) -> None:
        self._directory = directory / chain

    def path(self, found: FoundBlock) -> Path:
        """Return where the block is or would be kept."""
        return self._directory / f"{found.height}-{found.hash_hex}.block"

    def add(self, found: FoundBlock) -> Path:
        """Write the block, whole or not at all, and return where. Raises OSError."""
        path = self.path(found)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(found.data, path.parent) as complete:
            complete.replace(path)
        return path

    def remove(self, found: FoundBlock) -> None:
        """Delete the block's file if there is one."""
        self.path(found).unlink(missing_ok=True)

    def load(self) -> list[FoundBlock]:
        """Return the blocks whose content matches their file's name, lowest first."""
        blocks = []
        for path in self._directory.glob("*-*.block"):
            height = path.name.partition("-")[0]
            if height.isdecimal() and self.path(found := FoundBlock(int(height), path.read_bytes())) == path:
                blocks.append(found)
        return sorted(blocks, key=lambda found: found.height)


class Safekeeping:
    """Keeps one found block on disk from the first failure to submit it until its fate is known."""

    def __init__(self, found: FoundBlock, pending: PendingBlocks, say: Callable[[str], None]) -> None:
        self._found, self._pending, self._say = found, pending, say
        self._kept = False
        self._complaint = ""

    def keep(self) -> None:
        """Write the block to disk unless it is there; say where, or once why that failed."""
        if self._kept:
            return
        try:
            path = self._pending.add(self._found)
        except OSError as error:
            complaint = f"the found block cannot be kept in {self._pending.path(self._found)} ({error.strerror})"
            if complaint != self._complaint:
                self._say(complaint)
            self._complaint = complaint
            return
        self._kept = True
        self._say(f"the found block is kept in {path} until the node answers")

    def keep_or_print(self) -> None:
        """Keep the block; if that fails, print it, so that the user can submit it."""
        self.keep()
        if not self._kept:
            self._say(f"this block could be neither submitted nor kept: {self._found.data.hex()}")

    def release(self) -> None:
        """Delete the block's file: its fate is known."""
        if self._kept:
            self._pending.remove(self._found)
