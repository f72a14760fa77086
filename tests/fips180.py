"""SHA-256's compression function from the text of FIPS 180-4, in plain Python: slow, and for checking only.

`hashlib` hashes whole messages and cannot start from a midstate; this can. The constants are computed from
their definition (4.2.2, 5.3.3) instead of listed, so that no listing is trusted twice.
"""

import struct
from itertools import islice
from math import isqrt

_MASK = 0xFFFF_FFFF


def _primes() -> list[int]:
    candidates = (n for n in range(2, 400) if all(n % d for d in range(2, isqrt(n) + 1)))
    return list(islice(candidates, 64))


def _cube_root(n: int) -> int:
    root = 0
    for bit in reversed(range(n.bit_length() // 3 + 1)):
        if (root | 1 << bit) ** 3 <= n:
            root |= 1 << bit
    return root


ROUND_CONSTANTS = [_cube_root(p << 96) & _MASK for p in _primes()]
"""The first 32 bits of the fractional parts of the cube roots of the first 64 primes."""

INITIAL_STATE = struct.pack(">8I", *(isqrt(p << 64) & _MASK for p in _primes()[:8]))
"""The first 32 bits of the fractional parts of the square roots of the first 8 primes."""


def _rotr(x: int, n: int) -> int:
    return (x >> n | x << 32 - n) & _MASK


def _schedule(block: bytes) -> list[int]:
    w = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = _rotr(w[t - 15], 7) ^ _rotr(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = _rotr(w[t - 2], 17) ^ _rotr(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append((s1 + w[t - 7] + s0 + w[t - 16]) & _MASK)
    return w


def compress(state: bytes, block: bytes) -> bytes:
    """Return the state (32 bytes, big-endian words) after one block of 64 bytes (FIPS 180-4, 6.2.2)."""
    start = struct.unpack(">8I", state)
    a, b, c, d, e, f, g, h = start
    for k, w in zip(ROUND_CONSTANTS, _schedule(block), strict=True):
        t1 = h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + (e & f ^ ~e & g) + k + w
        t2 = (_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    end = (a, b, c, d, e, f, g, h)
    return struct.pack(">8I", *((x + y) & _MASK for x, y in zip(start, end, strict=True)))


def padded_blocks(message: bytes) -> list[bytes]:
    """Return the message in blocks of 64 bytes, padded as 5.1.1 says."""
    zeros = -(len(message) + 9) % 64
    padded = message + b"\x80" + bytes(zeros) + struct.pack(">Q", 8 * len(message))
    return [padded[i : i + 64] for i in range(0, len(padded), 64)]


def sha256(message: bytes) -> bytes:
    """Return SHA-256 of a message."""
    state = INITIAL_STATE
    for block in padded_blocks(message):
        state = compress(state, block)
    return state
