"""What a kernel gets of a job: all that the nonce does not reach in the header's second chunk, computed once.

The nonce is W3 of that chunk. So rounds 0 to 3 are known but for one addition, the message words up to W17 but for
W3 itself, and parts of W18 to W33.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hashjoule.job import NONCES, SHA256_K, Hit, Job, Words8

_MASK = 0xFFFFFFFF
_PADDING = (0x80000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 640)
"""W4 to W15 of the header's second chunk: the end mark, zeros, and the length of 80 bytes in bits."""


def _rotr(x: int, n: int) -> int:
    return (x >> n | x << (32 - n)) & _MASK


def known_words(job: Job) -> list[int]:
    """K[t] + W[t] for t < 18 with a nonce of 0, then for t = 18 to 33 the part of W[t] without the nonce."""
    w = [*job.tail, 0, *_PADDING]
    parts = []
    for t in range(16, 34):
        a, b = w[t - 15], w[t - 2]
        s0 = _rotr(a, 7) ^ _rotr(a, 18) ^ a >> 3
        s1 = _rotr(b, 17) ^ _rotr(b, 19) ^ b >> 10
        parts.append((w[t - 16] + s0 + w[t - 7] + s1) & _MASK)
        w.append(parts[-1] if t < 18 else 0)  # the nonce reaches W18 and on: the kernel adds what it makes of them
    return [(k + word) & _MASK for k, word in zip(SHA256_K, w[:18], strict=False)] + parts[2:]


def start(midstate: Words8, known: list[int]) -> Words8:
    """Return the state after rounds 0 to 3 with a nonce of 0: a nonce's W3 is to be added to its a and its e."""
    a, b, c, d, e, f, g, h = midstate
    for kw in known[:4]:
        t1 = h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + (g ^ (e & (f ^ g))) + kw
        t2 = (_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + ((a & b) | (c & (a | b)))
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    return a, b, c, d, e, f, g, h


def word7_filter(target: int) -> int:
    """Return the bits of the last hash word that are 0 in every hash <= target.

    These are the leading zeros of the target's top word.

    In the byte order of the digest, so that a kernel needs no more than `word7 & filter == 0`.
    """
    top = target >> 224
    zeros = _MASK ^ ((1 << top.bit_length()) - 1)
    return int.from_bytes(zeros.to_bytes(4, "big"), "little")


def roomy_nonces(job: Job, capacity: int) -> int:
    """Nonces of a range whose candidates fill half of a buffer on average: few for an easy target, never none."""
    return max(1, (capacity // 2 << word7_filter(job.target).bit_count()) // len(job.versions))


Candidates = list[tuple[int, int]]
"""Pairs of the index of a version and a nonce."""


def candidates_of_range(
    search: Callable[[int, int], tuple[int, Candidates]], first_nonce: int, count: int, size: int, capacity: int
) -> Iterator[Candidates]:
    """All candidates of a range, searched in parts of `size` nonces, which halve where a buffer overflows.

    `search` takes a first nonce and a number of nonces; it returns how many candidates these have, and those that
    its buffer of `capacity` holds.
    """
    done = 0
    while done < count:
        nonces = min(size, count - done)
        n_found, candidates = search((first_nonce + done) % NONCES, nonces)
        if n_found > capacity:
            size = -(-nonces // 2)
            continue
        yield candidates
        done += nonces


def confirmed(job: Job, candidates: Iterable[tuple[int, int]]) -> tuple[list[Hit], int]:
    """Return the hits among candidates, pairs of (index of a version, nonce), and how many candidates were wrong.

    A right one passes the filter, and is a hit or just misses the target. A wrong one is a fault of the device; it
    stays among the hits, for `search.scan` to find and count.
    """
    hits, wrong, filter_ = [], 0, word7_filter(job.target)
    for index, nonce in candidates:
        hit = Hit(job.versions[index], nonce)
        digest = job.solved(hit).hash()
        passes = not int.from_bytes(digest[28:], "big") & filter_
        wrong += not passes
        if not passes or int.from_bytes(digest, "little") <= job.target:
            hits.append(hit)
    return hits, wrong
