"""Found blocks that the node has not answered for yet, kept on disk until it has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hashjoule.errors import UnavailableError
from hashjoule.job import sha256d

_HEADER_BYTES = 80


def default_directory() -> Path:
    """Where this user's programs keep their state (XDG base directory specification).

    Raises UnavailableError where the user has no home directory.
    """
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "hashjoule"
    except RuntimeError:
        raise UnavailableError("there is no home directory to keep blocks in; set XDG_STATE_HOME") from None


@dataclass(frozen=True, slots=True)
class Found:
    """A block that was found: its height and its bytes."""

    height: int
    block: bytes

    @property
    def hash(self) -> bytes:
        """In the order of the wire."""
        return sha256d(self.block[:_HEADER_BYTES])

    @property
    def hash_hex(self) -> str:
        """As people write it."""
        return self.hash[::-1].hex()

    @property
    def prev_hash(self) -> bytes:
        """The hash of the block that it builds on, in the order of the wire."""
        return self.block[4:36]


class Keeper:
    """A directory of one chain's blocks; a file is named after its block's height and hash."""

    def __init__(self, directory: Path, chain: str) -> None:
        self._directory = directory / chain

    def path(self, found: Found) -> Path:
        """Where the block is or would be kept."""
        return self._directory / f"{found.height}-{found.hash_hex}.block"

    def keep(self, found: Found) -> Path:
        """Writes the block, whole or not at all, and returns where. Raises OSError."""
        path = self.path(found)
        partial = path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(found.block)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        return path

    def drop(self, found: Found) -> None:
        """Forgets the block, kept or not."""
        self.path(found).unlink(missing_ok=True)

    def kept(self) -> list[Found]:
        """The blocks kept here that are what their names say, lowest first."""
        blocks = []
        for path in self._directory.glob("*-*.block"):
            height = path.name.partition("-")[0]
            if height.isdecimal() and self.path(found := Found(int(height), path.read_bytes())) == path:
                blocks.append(found)
        return sorted(blocks, key=lambda found: found.height)
