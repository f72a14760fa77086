"""The vectors agree with `hashlib`, so that no other test rests on a wrong vector."""

import hashlib
from datetime import UTC, datetime
from operator import attrgetter
from urllib.parse import urlsplit

import pytest

from tests import fips180
from tests.support import (
    BIP320_MASK,
    CompressionVector,
    HeaderVector,
    MessageVector,
    compressions,
    hash_value,
    headers,
    load,
    meets,
    messages,
    near_misses,
    sha256d,
)

HEADERS = headers()
MAINNET = [vector for vector in HEADERS if vector.chain == "main"]
MESSAGES = messages()
COMPRESSIONS = compressions()
FIRST_YEAR, LAST_YEAR = 2009, 2026

by_name = attrgetter("name")
each_header = pytest.mark.parametrize("vector", HEADERS, ids=by_name)
each_message = pytest.mark.parametrize("vector", MESSAGES, ids=by_name)
each_compression = pytest.mark.parametrize("vector", COMPRESSIONS, ids=by_name)


def year(vector: HeaderVector) -> int:
    """Return the calendar year (UTC) of the header's time."""
    return datetime.fromtimestamp(vector.time, UTC).year


def has_rolled_version(vector: HeaderVector) -> bool:
    """Return whether the version has BIP 9's form and some of the bits that BIP 320 lets miners roll."""
    return vector.version >> 29 == 0b001 and bool(vector.version & BIP320_MASK)


def test_every_entry_has_just_its_fields() -> None:
    """Every backend reads these files, so no entry may lack a field or carry one that nobody reads."""
    sha256 = load("sha256.json")
    common = {"name", "source", "comment"}
    expected = {
        "headers": common | {"height", "chain", "header_hex", "hash_hex"},
        "messages": common | {"message_hex", "repeat", "digest_hex"},
        "compressions": common | {"state_hex", "block_hex", "out_hex"},
    }
    for kind, entries in {"headers": load("headers.json"), **sha256}.items():
        assert [entry["name"] for entry in entries if set(entry) != expected[kind]] == []


@pytest.mark.parametrize("entries", [HEADERS, MESSAGES, COMPRESSIONS], ids=lambda entries: type(entries[0]).__name__)
def test_names_are_unique(entries: list[HeaderVector | MessageVector | CompressionVector]) -> None:
    """Names are unique, so that a failing test identifies its vector."""
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("entry", [*HEADERS, *MESSAGES, *COMPRESSIONS], ids=by_name)
def test_every_entry_says_where_it_is_from(entry: HeaderVector | MessageVector | CompressionVector) -> None:
    """Each source is an address with a path, or names the script here that derives the entry."""
    link = urlsplit(entry.source)
    found = link.scheme == "https" and bool(link.netloc) and len(link.path) > 1
    assert found or entry.source.startswith("Derived by tests/fips180.py")
    assert entry.comment


@each_header
def test_header_is_proven_by_its_own_work(vector: HeaderVector) -> None:
    """A header has 80 bytes, the recorded hash, and a hash that meets its own target."""
    assert len(vector.header) == 80
    assert sha256d(vector.header)[::-1].hex() == vector.hash_hex
    assert 0 < vector.target < 2**256
    assert hash_value(vector.header) <= vector.target


@pytest.mark.parametrize("vector", [v for v in HEADERS if v.chain != "regtest"], ids=by_name)
def test_near_misses_miss(vector: HeaderVector) -> None:
    """Changing one bit, or taking the next nonce, loses the proof of work.

    Not so on regtest, where every second hash meets the target.
    """
    misses = near_misses(vector.header)
    assert {len(header) for header in misses.values()} == {80}
    assert len({vector.header, *misses.values()}) == len(misses) + 1
    assert [change for change, header in misses.items() if meets(header, vector.target)] == []


def test_headers_cover_every_year_of_mainnet() -> None:
    """There are at least 18 main chain headers, in order of height, and at least one of each year."""
    assert len(MAINNET) >= 18
    assert [v.height for v in MAINNET] == sorted({v.height for v in MAINNET})
    assert {year(v) for v in MAINNET} == set(range(FIRST_YEAR, LAST_YEAR + 1))


def test_headers_cover_version_rolling() -> None:
    """Among real rolled versions, each of BIP 320's sixteen bits is set in one header and clear in another."""
    rolled = [v for v in MAINNET if has_rolled_version(v)]
    assert len({v.version for v in rolled}) >= 5
    every, shared = 0, BIP320_MASK
    for vector in rolled:
        every |= vector.version & BIP320_MASK
        shared &= vector.version
    assert every == BIP320_MASK
    assert shared == 0


def test_headers_cover_the_chains_that_can_be_mined() -> None:
    """Each test chain's first block is there; two have targets that reach into the hash's top 32 bits."""
    genesis = {v.chain: v for v in HEADERS if v.height == 0}
    assert set(genesis) == {"main", "testnet3", "testnet4", "signet", "regtest"}
    assert {chain for chain, v in genesis.items() if v.target >> 224} == {"signet", "regtest"}


@each_message
def test_message_digest(vector: MessageVector) -> None:
    """The recorded digest is what `hashlib` says."""
    assert vector.repeat >= 1
    assert hashlib.sha256(vector.message).digest() == vector.digest


def test_messages_cover_padding() -> None:
    """Messages include the empty one, the longest for one block with padding, one byte more, and a full block."""
    assert {0, 55, 56, 64} <= {len(v.message) for v in MESSAGES}


@pytest.mark.parametrize("vector", [v for v in MESSAGES if v.repeat == 1], ids=by_name)
def test_plain_implementation_agrees(vector: MessageVector) -> None:
    """The plain implementation, from which compression vectors are derived, gives the published digests."""
    assert fips180.sha256(vector.message) == vector.digest


@each_compression
def test_compression(vector: CompressionVector) -> None:
    """State, block and output have 32, 64 and 32 bytes, and the plain implementation gives the same output."""
    assert (len(vector.state), len(vector.block), len(vector.out)) == (32, 64, 32)
    assert fips180.compress(vector.state, vector.block) == vector.out


@each_header
def test_compressions_chain_to_the_block_hash(vector: HeaderVector) -> None:
    """Three compressions (midstate, first hash, second hash) end in the block hash that `hashlib` gives."""
    first, second = fips180.padded_blocks(vector.header)
    midstate = fips180.compress(fips180.INITIAL_STATE, first)
    [last] = fips180.padded_blocks(fips180.compress(midstate, second))
    assert fips180.compress(fips180.INITIAL_STATE, last)[::-1].hex() == vector.hash_hex
