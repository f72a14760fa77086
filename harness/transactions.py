"""Transactions of practice coins, which anyone may spend."""

from __future__ import annotations

from collections.abc import Sequence

from hashjoule.block import varint

OP_TRUE_ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85"
"""The regtest address of `embedded.ANYONE_CAN_SPEND`."""


def spend(outpoint: bytes, outputs: Sequence[bytes], *, witness: bool) -> bytes:
    """Serialize a transaction that spends one output of `OP_TRUE_ADDRESS` to these serialized outputs.

    The double SHA-256 of the form without witness is its txid.
    """
    body = b"\x01" + outpoint + b"\x00" + b"\xff" * 4 + varint(len(outputs)) + b"".join(outputs)
    marker, script = (b"\x00\x01", b"\x01\x01\x51") if witness else (b"", b"")
    return b"\x02\0\0\0" + marker + body + script + bytes(4)
