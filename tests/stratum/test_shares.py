"""A submitted share is rebuilt as the miner hashed it; one that does not count is refused with its code."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.check import known_blocks
from hashjoule.job import BIP320_MASK, MAX_TARGET, Header
from hashjoule.stratum import messages
from hashjoule.stratum.difficulty import DIFFICULTY_1_TARGET
from hashjoule.stratum.jobs import StratumJob, notify_of
from hashjoule.stratum.messages import ErrorCode, Extranonce, Notify, Submit
from hashjoule.stratum.shares import MAX_TIME_AHEAD_SECONDS, ShareError, check_share, submit_of, submitted_header

BLOCK_170 = next(block.header for block in known_blocks() if block.name == "main-170")
COINBASE_START = bytes.fromhex("01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff07")
COINBASE_END = bytes.fromhex(
    "0102ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac625da6f07"
    "18e7b302140434bd725706957c092db53805b821a85b23a7ac61725bac00000000"
)
BRANCH = [bytes.fromhex("169e1e83e930853391bc6f35f605c6754cfead57cf8387639d3b4096c54f18f4")]
"""Mainnet's block 170, whose coinbase script is 04ffff001d0102: 04ffff is extranonce1 here, 001d extranonce2."""


def job_170(target: int = DIFFICULTY_1_TARGET) -> StratumJob:
    """Return block 170 as a job, read from the line that a pool would have sent."""
    notify = notify_of("b170", BLOCK_170, COINBASE_START, COINBASE_END, BRANCH, clean=True)
    message = messages.decode_message(messages.notification("mining.notify", notify))
    assert (message.id, message.method) == (None, "mining.notify")
    return StratumJob.from_notify(messages.decode(message.params, Notify), Extranonce("04ffff", 2), target)


SHARE_170 = Submit("alice", "b170", "001d", "496ab951", "709e3e28")


def changed(**fields: Any) -> Submit:
    """Return block 170's share with some fields changed."""
    return msgspec.structs.replace(SHARE_170, **fields)


def test_the_share_of_a_real_block_counts() -> None:
    """The header that is rebuilt is block 170's, which tests every byte order at once."""
    assert check_share(job_170(), SHARE_170) == BLOCK_170
    assert submit_of("alice", job_170(), bytes.fromhex("001d"), BLOCK_170, None) == SHARE_170
    assert SHARE_170.params == ["alice", "b170", "001d", "496ab951", "709e3e28"]
    assert changed(version_bits="00000000").params[5] == "00000000"


LATE = f"{0x496AB951 + MAX_TIME_AHEAD_SECONDS + 1:08x}"
EARLY = f"{0x496AB951 - MAX_TIME_AHEAD_SECONDS - 1:08x}"
REFUSED: dict[str, tuple[Submit, ErrorCode, str]] = {
    "another nonce": (changed(nonce="709e3e29"), ErrorCode.LOW_DIFFICULTY, "low difficulty share"),
    "a rolled version": (changed(version_bits="00002000"), ErrorCode.LOW_DIFFICULTY, "low difficulty share"),
    "bits outside the mask": (changed(version_bits="00000001"), ErrorCode.OTHER, "version bits outside the mask"),
    "a short extranonce2": (changed(extranonce2="00"), ErrorCode.OTHER, "extranonce2 must have 2 bytes"),
    "a long extranonce2": (changed(extranonce2="001d00"), ErrorCode.OTHER, "extranonce2 must have 2 bytes"),
    "a late time": (changed(time=LATE), ErrorCode.OTHER, "time out of range"),
    "an early time": (changed(time=EARLY), ErrorCode.OTHER, "time out of range"),
}


@pytest.mark.parametrize(("submit", "code", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_count_is_refused(submit: Submit, code: ErrorCode, reason: str) -> None:
    """The error has the code and the words for the answer."""
    with pytest.raises(ShareError) as caught:
        check_share(job_170(), submit, BIP320_MASK)
    assert (caught.value.code, str(caught.value)) == (code, reason)


WORDS = st.integers(0, 2**32 - 1)


@given(
    st.builds(
        Header,
        version=WORDS,
        prev_hash=st.binary(min_size=32, max_size=32),
        merkle_root=st.just(bytes(32)),
        time=st.integers(MAX_TIME_AHEAD_SECONDS, 2**32 - 1 - MAX_TIME_AHEAD_SECONDS),
        nbits=st.just(0x1D00FFFF),
        nonce=WORDS,
    ),
    st.binary(max_size=16),
    st.binary(max_size=8),
    st.integers(-MAX_TIME_AHEAD_SECONDS, MAX_TIME_AHEAD_SECONDS),
    st.none() | st.integers(0, BIP320_MASK).map(lambda bits: bits & BIP320_MASK),
)
def test_what_a_miner_submits_is_the_header_that_it_found(
    sent: Header, extranonce1: bytes, extranonce2: bytes, seconds: int, rolled_bits: int | None
) -> None:
    """This holds for any job, time, nonce and version bits, over the lines that both sides exchange."""
    notify = notify_of("x", sent, b"start", b"end", BRANCH, clean=False)
    job = StratumJob.from_notify(notify, Extranonce(extranonce1.hex(), len(extranonce2)), MAX_TARGET)
    header = job.header(extranonce2, seconds)
    mask = None if rolled_bits is None else BIP320_MASK
    version = header.version if rolled_bits is None else (header.version & ~BIP320_MASK) | rolled_bits
    found = Header(version, header.prev_hash, header.merkle_root, header.time, header.nbits, sent.nonce)
    line = messages.request(7, "mining.submit", submit_of("alice", job, extranonce2, found, mask).params)
    submit = messages.decode(messages.decode_message(line).params, Submit)
    assert submitted_header(job, submit, mask or 0) == found
