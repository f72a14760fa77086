"""Headers, targets and search jobs: what is searched, without how. Standard library only.

A block header is 80 bytes: version, previous block's hash, merkle root, time, nbits and nonce. Its double SHA-256,
read as a little-endian number, must not exceed the target that nbits encodes. SHA-256 eats 64 bytes at a time, so
the state after the first 64, the *midstate*, is the same for every nonce; a search starts from there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from hashjoule.errors import UsageError

NONCES = 1 << 32
"""Nonces of one header."""

BIP320_MASK = 0x1FFFE000
"""The sixteen version bits that BIP 320 leaves to miners."""

MAX_TARGET = (1 << 256) - 1

Words8 = tuple[int, int, int, int, int, int, int, int]

_HEADER = struct.Struct("<I32s32sIII")
SHA256_H: Words8 = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
"""SHA-256's initial state (FIPS 180-4, 5.3.3)."""


def _primes(n: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < n:
        if all(candidate % p for p in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root_fraction(n: int) -> int:
    """Return the first 32 bits of the fractional part of the cube root of n (FIPS 180-4, 4.2.2), in integers."""
    scaled, root = n << 96, 1 << 35
    while True:  # Newton's iteration from above ends at the floor
        better = (2 * root + scaled // (root * root)) // 3
        if better >= root:
            return root & 0xFFFFFFFF
        root = better


SHA256_K = tuple(_cube_root_fraction(p) for p in _primes(64))
"""SHA-256's round constants (FIPS 180-4, 4.2.2)."""


def compress(state: Words8, block: bytes) -> Words8:
    """Return the SHA-256 state after one more block.

    Args:
        state: Eight 32-bit words.
        block: 64 bytes.

    Raises:
        ValueError: if the block has another length.

    Source:
        FIPS 180-4, 6.2.2.
    """
    if len(block) != 64:
        raise ValueError(f"a SHA-256 block has 64 bytes, not {len(block)}")

    def rotr(x: int, n: int) -> int:
        return (x >> n | x << (32 - n)) & 0xFFFFFFFF

    w = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append((w[t - 16] + s0 + w[t - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for k, wt in zip(SHA256_K, w, strict=True):
        t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + k + wt
        t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)))
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    a0, b0, c0, d0, e0, f0, g0, h0 = state
    m = 0xFFFFFFFF
    return (
        (a + a0) & m,
        (b + b0) & m,
        (c + c0) & m,
        (d + d0) & m,
        (e + e0) & m,
        (f + f0) & m,
        (g + g0) & m,
        (h + h0) & m,
    )


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256 of the data: 32 bytes."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def nbits_to_target(nbits: int) -> int:
    """Return the 256-bit target that a header's nbits encode: mantissa times 256^(exponent - 3).

    Raises:
        UsageError: where Bitcoin rejects the value: negative, zero or beyond 256 bits.

    Source:
        Bitcoin Core, `arith_uint256::SetCompact`.
    """
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    target = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    if target == 0 or nbits & 0x800000 or target > MAX_TARGET:
        raise UsageError(f"nbits {nbits:08x} encode no valid target")
    return target


def target_to_nbits(target: int) -> int:
    """Return the compact form of a target, rounded down to the 23 bits that it keeps.

    Raises:
        UsageError: for a target outside 1 to 2^256 - 1.
    """
    check_target(target)
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & 0x800000:  # that bit is the sign
        mantissa >>= 8
        size += 1
    return size << 24 | mantissa


def check_target(target: int) -> int:
    """Return the target itself.

    Raises:
        UsageError: unless it lies between 1 and 2^256 - 1.
    """
    if not 0 < target <= MAX_TARGET:
        raise UsageError("the target must lie between 1 and 2^256 - 1")
    return target


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. Hashes are 32 bytes in wire order; the other fields are unsigned 32-bit numbers."""

    version: int
    prev_hash: bytes
    merkle_root: bytes
    time: int
    nbits: int
    nonce: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Read a header of 80 bytes.

        Raises:
            UsageError: for any other length.
        """
        if len(data) != _HEADER.size:
            raise UsageError(f"a block header has 80 bytes (160 hex digits), not {len(data)}")
        return cls(*_HEADER.unpack(data))

    def pack(self) -> bytes:
        """Return the 80 bytes of the wire format."""
        return _HEADER.pack(self.version, self.prev_hash, self.merkle_root, self.time, self.nbits, self.nonce)

    def hash(self) -> bytes:
        """Return the block hash, 32 bytes in wire order; reverse them for display."""
        return sha256d(self.pack())

    def meets(self, target: int) -> bool:
        """Return whether the hash, read as a little-endian number, is at most the target."""
        return int.from_bytes(self.hash(), "little") <= target

    def midstate(self) -> Words8:
        """Return the SHA-256 state after the first 64 bytes."""
        return compress(SHA256_H, self.pack()[:64])


def roll(version: int, mask: int, skip: int = 0) -> Iterator[int]:
    """Yield all versions that differ from the given one only in the mask's bits: 2^(bits of mask), itself first.

    Args:
        version: The version to start from.
        mask: The bits to roll.
        skip: Versions to leave out at the beginning; fewer than there are.

    Raises:
        UsageError: if the mask is empty or has bits outside BIP 320's.

    Source:
        BIP 320.
    """
    check_mask(mask)
    bits = [1 << i for i in range(mask.bit_length()) if mask >> i & 1]
    submask = sum(bit for i, bit in enumerate(bits) if skip >> i & 1)
    while True:
        yield version ^ submask
        submask = (submask - mask) & mask  # the next subset of the mask's bits, in increasing order
        if submask == 0:
            return


def check_mask(mask: int) -> int:
    """Return the version mask itself.

    Raises:
        UsageError: if it is empty or has bits outside BIP 320's.
    """
    if mask == 0:
        raise UsageError("the version mask has no bit set; leave it out to search without version rolling")
    if mask & ~BIP320_MASK or mask < 0:
        raise UsageError(f"the version mask has bits outside BIP 320's {BIP320_MASK:08x}")
    return mask


@dataclass(frozen=True, slots=True)
class Hit:
    """A solution: the job's header with this version and nonce meets the target."""

    version: int
    nonce: int


@dataclass(frozen=True)
class Job:
    """What to search: a header, the versions to try with every nonce, and the target.

    A job with one version is plain; with several it is rolled.
    """

    header: Header
    versions: tuple[int, ...]
    target: int

    @classmethod
    def plain(cls, header: Header, target: int | None = None) -> Job:
        """Return a job for the header as it is.

        Args:
            header: The header.
            target: The target; the header's own if None.

        Raises:
            UsageError: if the target is out of range.
        """
        return cls(header, (header.version,), _target_of(header, target))

    @classmethod
    def rolled(
        cls, header: Header, mask: int = BIP320_MASK, limit: int = 64, target: int | None = None, skip: int = 0
    ) -> Job:
        """Return a job with up to `limit` versions of the mask, after the first `skip` ones (see `roll`)."""
        versions = tuple(islice(roll(header.version, mask, skip), limit))
        return cls(header, versions, _target_of(header, target))

    @cached_property
    def midstates(self) -> tuple[Words8, ...]:
        """The midstate of each version."""
        return tuple(replace(self.header, version=v).midstate() for v in self.versions)

    @property
    def tail(self) -> tuple[int, int, int]:
        """Header bytes 64 to 75 as three big-endian words: end of the merkle root, time, nbits."""
        a, b, c = struct.unpack(">3I", self.header.pack()[64:76])
        return a, b, c

    def solved(self, hit: Hit) -> Header:
        """Return the header with the hit's version and nonce."""
        return replace(self.header, version=hit.version, nonce=hit.nonce)

    def verify(self, hit: Hit) -> bool:
        """Return whether hashlib confirms the hit."""
        return self.solved(hit).meets(self.target)


def _target_of(header: Header, target: int | None) -> int:
    return nbits_to_target(header.nbits) if target is None else check_target(target)
