"""Building blocks: merkle branches, the coinbase transaction and its witness commitment, as pure functions of bytes.

Hashes are 32 bytes in the order in which they stand in headers and transactions; people write them reversed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from hashjoule.job import sha256d

NULL_HASH = bytes(32)
WITNESS_RESERVED_VALUE = NULL_HASH
"""The coinbase's witness: 32 bytes that have no meaning yet (BIP 141)."""

COMMITMENT_HEADER = bytes.fromhex("6a24aa21a9ed")
"""How the output script of a witness commitment begins: OP_RETURN, a push of 36 bytes, and BIP 141's tag."""

MAX_COINBASE_SCRIPT_BYTES = 100
"""Longest input script of a coinbase (consensus)."""


def varint(n: int) -> bytes:
    """Serialize a count or a length: one byte below 253, else a marker and 2, 4 or 8 bytes."""
    if n < 0xFD:
        return bytes([n])
    if n <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", n)
    return b"\xfe" + struct.pack("<I", n) if n <= 0xFFFFFFFF else b"\xff" + struct.pack("<Q", n)


def height_push(height: int) -> bytes:
    """Return the push of the block's height that a coinbase script begins with.

    Heights 1 to 16 are the opcodes OP_1 to OP_16; from 17 on it is a push of the fewest bytes whose top bit is clear.

    Source: BIP 34.
    """
    if height <= 16:
        return bytes([0x50 + height])
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")  # the top bit is the sign
    return bytes([len(number)]) + number


def coinbase_script(height: int, extranonce: int, flags: bytes = b"") -> bytes:
    """Return a coinbase's input script: the height, eight bytes of extranonce, and `flags`.

    Raises:
        ValueError: That is more than the 100 bytes that consensus allows.
    """
    script = height_push(height) + b"\x08" + struct.pack("<Q", extranonce) + flags
    if len(script) > MAX_COINBASE_SCRIPT_BYTES:
        raise ValueError(f"the coinbase script would have {len(script)} bytes, {MAX_COINBASE_SCRIPT_BYTES} is the most")
    return script


def output(satoshi: int, script: bytes) -> bytes:
    """Serialize a transaction output."""
    return struct.pack("<q", satoshi) + varint(len(script)) + script


def coinbase(script_sig: bytes, outputs: Sequence[bytes], *, witness: bool) -> bytes:
    """Serialize a coinbase transaction from its input script and its serialized outputs.

    With `witness` it has the form of BIP 144, reserved value included. Its txid is the double SHA-256 of the form
    without.
    """
    inputs = b"\x01" + NULL_HASH + b"\xff\xff\xff\xff" + varint(len(script_sig)) + script_sig + b"\xff\xff\xff\xff"
    body = inputs + varint(len(outputs)) + b"".join(outputs)
    version, locktime = b"\x01\x00\x00\x00", bytes(4)
    if not witness:
        return version + body + locktime
    return version + b"\x00\x01" + body + b"\x01\x20" + WITNESS_RESERVED_VALUE + locktime


def merkle_branch(others: Iterable[bytes]) -> list[bytes]:
    """Return the hashes that lead from the first leaf to the merkle root, given all other leaves."""
    branch: list[bytes] = []
    level = [NULL_HASH, *others]  # the first place is never read
    while len(level) > 1:
        branch.append(level[1])
        if len(level) % 2:
            level.append(level[-1])
        level = [NULL_HASH] + [sha256d(level[i] + level[i + 1]) for i in range(2, len(level), 2)]
    return branch


def merkle_root(leaf: bytes, branch: Iterable[bytes]) -> bytes:
    """Return the merkle root from the first leaf and its branch."""
    for sibling in branch:
        leaf = sha256d(leaf + sibling)
    return leaf


def witness_commitment(wtxids: Iterable[bytes], reserved: bytes = WITNESS_RESERVED_VALUE) -> bytes:
    """Return the 32 bytes that commit to the witness hashes of all transactions after the coinbase.

    Source: BIP 141.
    """
    return sha256d(merkle_root(NULL_HASH, merkle_branch(wtxids)) + reserved)
