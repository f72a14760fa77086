"""Blocks are built as real blocks are, and as an independent construction builds them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule import block as blocks
from hashjoule.job import Header
from tests.support import VECTORS, sha256d


@dataclass(frozen=True)
class BlockVector:
    """A block that was really mined: header, coinbase, and the hashes of the other transactions."""

    chain: str
    height: int
    header: Header
    coinbase: bytes
    txids: list[bytes]
    wtxids: list[bytes]

    @property
    def stripped_coinbase(self) -> bytes:
        """The coinbase without marker, flag and witness, which consists of one item of 32 bytes."""
        c = self.coinbase
        return c if c[4] else c[:4] + c[6:-38] + c[-4:]

    @property
    def commitment(self) -> bytes | None:
        """The witness commitment in the last matching output (BIP 141)."""
        at = self.coinbase.rfind(bytes.fromhex("266a24aa21a9ed"))
        return None if at < 0 else self.coinbase[at + 7 : at + 39]


def _vector(fields: dict[str, Any]) -> BlockVector:
    wtxids = [fields["wtxids"].get(str(i), txid) for i, txid in enumerate(fields["txids"])]
    return BlockVector(
        fields["chain"],
        fields["height"],
        Header.parse(bytes.fromhex(fields["header"])),
        bytes.fromhex(fields["coinbase"]),
        [bytes.fromhex(h)[::-1] for h in fields["txids"]],
        [bytes.fromhex(h)[::-1] for h in wtxids],
    )


BLOCKS = [_vector(fields) for fields in json.loads((VECTORS / "blocks.json").read_text())]
NAMES = [f"{block.chain}-{block.height}" for block in BLOCKS]


def plain_merkle_root(leaves: list[bytes]) -> bytes:
    """Return the root by its definition: pairs are hashed, an odd one with itself."""
    while len(leaves) > 1:
        leaves += leaves[-1:] * (len(leaves) % 2)
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


@pytest.mark.parametrize("block", BLOCKS, ids=NAMES)
def test_real_blocks_have_the_merkle_root_that_we_compute(block: BlockVector) -> None:
    """The coinbase's txid and branch lead to the root in the mined header."""
    root = blocks.merkle_root(sha256d(block.stripped_coinbase), blocks.merkle_branch(block.txids))
    assert root == block.header.merkle_root


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.commitment], ids=lambda b: f"{b.chain}-{b.height}")
def test_real_blocks_have_the_witness_commitment_that_we_compute(block: BlockVector) -> None:
    """The witness hashes lead to the commitment in the coinbase."""
    assert block.coinbase[-36:-4] == blocks.WITNESS_RESERVED_VALUE
    assert blocks.witness_commitment(block.wtxids) == block.commitment


def test_the_vectors_cover_what_they_should() -> None:
    """There are blocks of main and regtest, with and without a commitment, and of various lengths."""
    seen = {(b.chain, b.commitment is not None, min(len(b.txids), 1) + len(b.txids) % 2) for b in BLOCKS}
    assert {("main", True, 2), ("main", False, 2), ("testnet3", False, 0), ("regtest", True, 0)} <= seen
    assert any(b.wtxids != b.txids and b.commitment for b in BLOCKS)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.height and b.header.version > 1], ids=lambda b: str(b.height))
def test_real_coinbases_begin_with_the_height_that_we_push(block: BlockVector) -> None:
    """BIP 34 at 1 and 16 (opcodes), 17 and 127 (one byte), 128 and 32768 (a sign byte), and beyond."""
    start = 42  # version, input count, outpoint, script length
    push = blocks.height_push(block.height)
    assert block.stripped_coinbase[start : start + len(push)] == push


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.chain == "regtest"], ids=lambda b: str(b.height))
def test_a_coinbase_of_the_same_parts_is_the_nodes_own(block: BlockVector) -> None:
    """From the same script and outputs we serialize the node's coinbase, byte for byte."""
    stripped = block.stripped_coinbase
    script_sig = stripped[42 : 42 + stripped[41]]
    value = int.from_bytes(stripped[47 + len(script_sig) :][:8], "little")
    reward = blocks.output(value, stripped[56 + len(script_sig) : 90 + len(script_sig)])
    commitment = blocks.output(0, blocks.COMMITMENT_HEADER + (block.commitment or b""))
    for witness, expected in ((True, block.coinbase), (False, stripped)):
        ours = blocks.coinbase(script_sig, [reward, commitment], witness=witness)
        assert ours[4:] == expected[4:]  # the version differs, 1 here and 2 there; both are good


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_branch_and_fold_make_the_merkle_root(leaves: list[bytes]) -> None:
    """This holds for any number of transactions."""
    root = blocks.merkle_root(leaves[0], blocks.merkle_branch(leaves[1:]))
    assert root == plain_merkle_root(list(leaves))


@given(st.integers(17, 2**31 - 1))
def test_height_pushes_are_minimal(height: int) -> None:
    """A push has one length byte, then the fewest bytes that keep the sign bit clear."""
    push = blocks.height_push(height)
    assert push[0] == len(push) - 1
    assert int.from_bytes(push[1:], "little", signed=True) == height
    assert push[-1] or push[-2] & 0x80


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "00"),
        (252, "fc"),
        (253, "fdfd00"),
        (65535, "fdffff"),
        (65536, "fe00000100"),
        (1 << 32, "ff" + "0000000001000000"),
    ],
)
def test_counts_take_as_many_bytes_as_they_should(n: int, expected: str) -> None:
    """Counts below 253 take one byte, others three, five or nine."""
    assert blocks.varint(n).hex() == expected


@pytest.mark.parametrize("height", [1, 16, 17, 128, 32768, 1 << 23, 2**31 - 1])
def test_coinbase_scripts_have_a_legal_length(height: int) -> None:
    """A script has 2 to 100 bytes."""
    assert 2 <= len(blocks.coinbase_script(height, 0)) <= 100


def test_a_coinbase_script_beyond_100_bytes_is_refused() -> None:
    """The message states both lengths."""
    with pytest.raises(ValueError, match="101 bytes, 100 is the most"):
        blocks.coinbase_script(17, 0, bytes(90))
