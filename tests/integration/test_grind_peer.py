"""`hashjoule grind` and Bitcoin Core's `bitcoin-util grind` solve the same headers."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bitcoind import bitcoind
from hashjoule import cli
from hashjoule.job import Header, nbits_to_target

EASY_NBITS = 0x1F3FFFFF
"""One hash in 1,024."""

UNSOLVED = st.builds(
    Header,
    version=st.integers(0, 2**31 - 1),  # bitcoin-util reads versions as signed numbers and prints them alike
    prev_hash=st.binary(min_size=32, max_size=32),
    merkle_root=st.binary(min_size=32, max_size=32),
    time=st.integers(0, 2**32 - 1),
    nbits=st.just(EASY_NBITS),
)


@settings(max_examples=12)
@given(UNSOLVED)
def test_both_solve_the_same_header(header: Header) -> None:
    """Each changes the nonce alone and meets the target, and each accepts the other's output as solved."""
    util = str(bitcoind().with_name("bitcoin-util"))
    done = subprocess.run([util, "grind", header.pack().hex()], capture_output=True, text=True, timeout=60, check=True)
    theirs = Header.parse(bytes.fromhex(done.stdout))
    ours = ground(header)
    for solved in (theirs, ours):
        assert replace(solved, nonce=0) == header
        assert solved.meets(nbits_to_target(EASY_NBITS))
    assert ground(theirs, "--start", str(theirs.nonce), "--count", "1") == theirs


def ground(header: Header, *options: str) -> Header:
    """Return what `hashjoule grind` makes of a header."""
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("click.echo", lambda message, **kwargs: printed.append(message))
        assert cli.run(["grind", header.pack().hex(), "--threads", "2", *options]) == 0
    return Header.parse(bytes.fromhex(printed[0]))
