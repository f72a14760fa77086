"""What a pool wants searched: a job, with the extranonce and the share target of one connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hashjoule.block import merkle_root
from hashjoule.job import Header, nbits_to_target, sha256d
from hashjoule.stratum.messages import Extranonce, Notify


def swap_words(data: bytes) -> bytes:
    """Reverse the bytes of each 32-bit word: the order in which mining.notify writes the previous block's hash."""
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))


@dataclass(frozen=True)
class StratumJob:
    """A job as one connection has it. Hashes are in the order of the header."""

    id: str
    prev_hash: bytes
    coinbase_start: bytes
    """The coinbase up to the miner's extranonce2: extranonce1 is its end."""
    coinbase_end: bytes
    branch: tuple[bytes, ...]
    """The merkle branch from the coinbase to the root."""
    version: int
    nbits: int
    time: int
    """Unix time in seconds."""
    extranonce2_size: int
    """In bytes."""
    target: int
    """Highest hash, as a number, that is a share."""

    @classmethod
    def from_notify(cls, notify: Notify, extranonce: Extranonce, target: int) -> StratumJob:
        """Combine a job with the extranonce and the share target of a connection.

        Raises:
            ValueError: The coinbase is not hex, or the job's nbits are not a target.
        """
        nbits = int(notify.nbits, 16)
        nbits_to_target(nbits)
        return cls(
            id=notify.job_id,
            prev_hash=swap_words(bytes.fromhex(notify.prev_hash)),
            coinbase_start=bytes.fromhex(notify.coinbase_start + extranonce.extranonce1),
            coinbase_end=bytes.fromhex(notify.coinbase_end),
            branch=tuple(bytes.fromhex(sibling) for sibling in notify.branch),
            version=int(notify.version, 16),
            nbits=nbits,
            time=int(notify.time, 16),
            extranonce2_size=extranonce.extranonce2_size,
            target=target,
        )

    def header(self, extranonce2: bytes, seconds: int = 0) -> Header:
        """Return the header to search, with the job's time moved forward by `seconds`."""
        coinbase = self.coinbase_start + extranonce2 + self.coinbase_end
        root = merkle_root(sha256d(coinbase), self.branch)
        return Header(self.version, self.prev_hash, root, (self.time + seconds) % 2**32, self.nbits)


def notify_of(
    job_id: str,
    header: Header,
    coinbase_start: bytes,
    coinbase_end: bytes,
    branch: Sequence[bytes] = (),
    *,
    clean: bool,
) -> Notify:
    """Return the parameters of mining.notify for a job.

    The job has the header's version, previous hash, time and nbits; its merkle root and nonce are the miner's to
    find. `coinbase_start` ends where extranonce1 begins, and `coinbase_end` begins where extranonce2 ends.
    """
    return Notify(
        job_id=job_id,
        prev_hash=swap_words(header.prev_hash).hex(),
        coinbase_start=coinbase_start.hex(),
        coinbase_end=coinbase_end.hex(),
        branch=[sibling.hex() for sibling in branch],
        version=f"{header.version:08x}",
        nbits=f"{header.nbits:08x}",
        time=f"{header.time:08x}",
        clean=clean,
    )
