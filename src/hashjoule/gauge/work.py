"""Synthetic work: jobs that look like a pool's, build on nothing, and never come twice."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from hashjoule.block import NULL_HASH, coinbase, height_push, output
from hashjoule.job import Header
from hashjoule.stratum.jobs import notify_of
from hashjoule.stratum.messages import Notify

JOB_VERSION = 0x20000000
"""None of the bits that miners roll is set. BIP 310 has a miner send the rolled bits, ESP-Miner sends how they differ
from the job's: with all of them 0 in the job both are the same."""

NBITS = 0x1701CDFA
"""The Bitcoin network's target of October 2025, a difficulty of 156 trillion: no miner meets it here by accident."""

_HEIGHT = 921_000
_SUBSIDY_SATOSHI = 312_500_000
_PAYOUT_SCRIPT = b"\x00\x14" + bytes(20)
"""A P2WPKH output to a hash that nobody has a key for; firmware decodes it to show an address."""


def new_notify(job_id: str, extranonce_bytes: int, unix_s: int, *, clean: bool) -> Notify:
    """Return a job that was never handed out before: its previous hash and its merkle branch are random.

    The coinbase is a well-formed transaction with the height (BIP 34) and a payout, since some firmware decodes it.
    `extranonce_bytes` is the size of both extranonces together.
    """
    script = height_push(_HEIGHT) + bytes([extranonce_bytes]) + bytes(extranonce_bytes)
    transaction = coinbase(script, [output(_SUBSIDY_SATOSHI, _PAYOUT_SCRIPT)], witness=False)
    end = transaction.index(script) + len(script)
    header = Header(JOB_VERSION, os.urandom(32), NULL_HASH, unix_s, NBITS)
    start = transaction[: end - extranonce_bytes]
    return notify_of(job_id, header, start, transaction[end:], [os.urandom(32)], clean=clean)


def extranonces() -> Callable[[], bytes]:
    """Return a function that returns another extranonce1 of four bytes with each call, for 2^32 calls."""
    number = struct.unpack("<I", os.urandom(4))[0]

    def following() -> bytes:
        nonlocal number
        number = (number + 1) % (1 << 32)
        return struct.pack(">I", number)

    return following
