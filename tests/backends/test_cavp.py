"""NIST's test vectors for SHA-256 (CAVP, SHAVS), as the package cryptography_vectors carries them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import cryptography_vectors
import pytest

from hashjoule import job
from hashjoule.backends import c

Words = tuple[int, ...]
Compress = Callable[[Words, bytes], Words]


def compress_in_c(state: Words, block: bytes) -> Words:
    """The C core's compression function."""
    return c.compress(state, words(block))


def compress_in_python(state: Words, block: bytes) -> Words:
    """The one that Python derives midstates with."""
    return job.compress(state, block)  # type: ignore[arg-type]  # a tuple of 8 words


each_compress = pytest.mark.parametrize("compress", [compress_in_c, compress_in_python])


def words(data: bytes) -> Words:
    """Big-endian 32-bit words."""
    return tuple(int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4))


def digest(message: bytes, compress: Compress) -> bytes:
    """SHA-256 of a message over a compression function, padded as FIPS 180-4 (5.1.1) says."""
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64) + (8 * len(message)).to_bytes(8, "big")
    state: Words = job.SHA256_H
    for i in range(0, len(padded), 64):
        state = compress(state, padded[i : i + 64])
    return b"".join(word.to_bytes(4, "big") for word in state)


def text_of(name: str) -> str:
    """One of NIST's response files."""
    with cryptography_vectors.open_vector_file(f"hashes/SHA2/SHA256{name}.rsp", "r") as file:
        return str(file.read())


def messages(name: str) -> Iterator[tuple[bytes, str]]:
    """The messages of a response file, and their digests in hexadecimal."""
    for bits, message, expected in re.findall(r"Len = (\d+)\s+Msg = (\w+)\s+MD = (\w+)", text_of(name)):
        yield bytes.fromhex(message)[: int(bits) // 8], expected


@each_compress
@pytest.mark.parametrize(("name", "count"), [("ShortMsg", 65), ("LongMsg", 64)])
def test_messages(compress: Compress, name: str, count: int) -> None:
    """Messages of 0 to 64 bytes, and of up to 6,400 bytes."""
    found = list(messages(name))
    assert len(found) == count
    assert [digest(message, compress).hex() for message, _ in found] == [expected for _, expected in found]


def test_monte_carlo() -> None:
    """100 checkpoints, each after 1,000 hashes of the three digests before (SHAVS, 6.4)."""
    text = text_of("Monte")
    seed = bytes.fromhex(re.findall(r"Seed = (\w+)", text)[0])
    checkpoints = re.findall(r"MD = (\w+)", text)
    assert len(checkpoints) == 100
    for expected in checkpoints:
        last = [seed] * 3
        for _ in range(1000):
            last = [*last[1:], digest(b"".join(last), compress_in_c)]
        seed = last[-1]
        assert seed.hex() == expected
