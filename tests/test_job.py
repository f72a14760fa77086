"""Headers, targets, midstates and version rolling."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.errors import UsageError
from hashjoule.job import (
    BIP320_MASK,
    MAX_TARGET,
    SHA256_H,
    Header,
    Hit,
    Job,
    compress,
    nbits_to_target,
    roll,
    target_to_nbits,
)
from tests.support import HeaderVector, compressions, headers

HEADERS = headers()


@pytest.mark.parametrize("vector", HEADERS, ids=lambda v: v.name)
def test_header_round_trip_and_proof_of_work(vector: HeaderVector) -> None:
    """A real header parses, packs back to its bytes, has its known hash and meets its own target."""
    header = Header.parse(vector.header)
    assert header.pack() == vector.header
    assert header.hash()[::-1].hex() == vector.hash_hex
    assert nbits_to_target(header.nbits) == vector.target
    assert header.meets(vector.target)
    value = int(vector.hash_hex, 16)  # as explorers show it
    assert header.meets(value)
    assert not header.meets(value - 1)


@given(st.binary(min_size=80, max_size=80))
def test_midstate_continues_to_the_hash(data: bytes) -> None:
    """From the midstate and the tail, SHA-256's padding and compression give hashlib's digest."""
    job = Job(Header.parse(data), (Header.parse(data).version,), 1)
    nonce = struct.pack(">I", int.from_bytes(data[76:80], "big"))
    block = struct.pack(">3I", *job.tail) + nonce + b"\x80" + bytes(43) + struct.pack(">I", 640)
    assert struct.pack(">8I", *compress(job.midstates[0], block)) == hashlib.sha256(data).digest()


def test_compression_function_matches_published_states() -> None:
    """FIPS 180-4's function, on vectors that others published."""
    for vector in compressions():
        state = struct.unpack(">8I", vector.state)
        assert struct.pack(">8I", *compress(state, vector.block)) == vector.out
    with pytest.raises(ValueError, match="64 bytes"):
        compress(SHA256_H, b"")


@given(st.integers(1, MAX_TARGET))
def test_nbits_keep_23_bits_of_any_target(target: int) -> None:
    """Encoding rounds down by less than one part in 2^15, and what was decoded encodes to itself."""
    nbits = target_to_nbits(target)
    decoded = nbits_to_target(nbits)
    assert decoded <= target
    assert (target - decoded) << 15 <= target
    assert target_to_nbits(decoded) == nbits


@pytest.mark.parametrize(
    "nbits", [0, 0x01003456, 0x04923456, 0x1D800000, 0x1D000000, 0xFF123456, 0x23000100, 0x2100FFFF + (1 << 24)]
)
def test_nbits_that_bitcoin_rejects(nbits: int) -> None:
    """Zero, negative and overflowing compact targets are bad input."""
    with pytest.raises(UsageError, match="no valid target"):
        nbits_to_target(nbits)


@pytest.mark.parametrize(
    ("nbits", "target"), [(0x01123456, 0x12), (0x02123456, 0x1234), (0x03123456, 0x123456), (0x04123456, 0x12345600)]
)
def test_small_exponents(nbits: int, target: int) -> None:
    """Exponents up to 3 shift the mantissa right."""
    assert nbits_to_target(nbits) == target


@pytest.mark.parametrize("target", [0, -1, MAX_TARGET + 1])
def test_targets_out_of_range(target: int) -> None:
    """A target of 0 or above 2^256 - 1 is bad input."""
    with pytest.raises(UsageError, match="target"):
        Job.plain(Header.parse(HEADERS[0].header), target)


@pytest.mark.parametrize("length", [0, 79, 81, 160])
def test_headers_of_another_length(length: int) -> None:
    """Anything but 80 bytes is bad input."""
    with pytest.raises(UsageError, match="80 bytes"):
        Header.parse(bytes(length))


@given(st.integers(0, 2**32 - 1), st.integers(1, 0xFFFF).map(lambda bits: (bits & 0x0A5F) << 13).filter(bool))
def test_rolling_visits_every_version_once(version: int, mask: int) -> None:
    """Rolling yields each combination of the mask's bits once, the header's own first, and changes no other bit."""
    versions = list(roll(version, mask))
    assert versions[0] == version
    assert len(set(versions)) == len(versions) == 1 << mask.bit_count()
    assert all((v ^ version) & ~mask == 0 for v in versions)


@pytest.mark.parametrize("mask", [0, 1, 0x20000000, BIP320_MASK | 1 << 12, -1, 1 << 32])
def test_masks_outside_bip_320(mask: int) -> None:
    """An empty mask or one with foreign bits is bad input."""
    with pytest.raises(UsageError, match="version mask"):
        next(roll(1, mask))


def test_rolled_jobs_cut_the_versions_into_groups() -> None:
    """Consecutive groups hold all versions of the mask, in order."""
    header = Header.parse(HEADERS[0].header)
    groups = [Job.rolled(header, 0x0000E000, 3, skip=skip).versions for skip in (0, 3, 6)]
    assert [v for group in groups for v in group] == list(roll(1, 0x0000E000))
    assert len(groups[2]) == 2


def test_verify_asks_hashlib() -> None:
    """A hit is confirmed by the whole header's hash alone."""
    header = Header.parse(HEADERS[0].header)
    assert Job.plain(header).verify(Hit(header.version, header.nonce))
    assert not Job.plain(header).verify(Hit(header.version, header.nonce + 1))
