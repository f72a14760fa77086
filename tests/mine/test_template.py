"""Block assembly against real blocks, an independent construction, and bad templates."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.errors import UnavailableError
from hashjoule.job import Header
from hashjoule.mine import template
from hashjoule.mine.template import Candidate, Template
from tests.support import VECTORS, sha256d

PAYOUT = bytes.fromhex("0014") + bytes(20)
FIELDS: dict[str, Any] = {
    "version": 0x20000000,
    "previousblockhash": "0f" * 32,
    "transactions": [],
    "coinbasevalue": 50 * 10**8,
    "height": 17,
    "bits": "207fffff",
    "curtime": 1_700_000_000,
    "mintime": 1_600_000_000,
    "rules": ["csv", "!segwit", "taproot"],
    "default_witness_commitment": "6a24aa21a9ed" + "00" * 32,
}


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
        """Without marker, flag and witness, by where they stand: one input with one 32-byte witness item."""
        c = self.coinbase
        return c if c[4] else c[:4] + c[6:-38] + c[-4:]

    @property
    def commitment(self) -> bytes | None:
        """What the last matching output commits to (BIP 141)."""
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


def make(**changes: Any) -> Template:
    """A template with some fields changed, decoded as from a node."""
    return msgspec.convert(FIELDS | changes, Template)


def plain_merkle_root(leaves: list[bytes]) -> bytes:
    """The root by the definition: pairs hashed, an odd one with itself."""
    while len(leaves) > 1:
        leaves += leaves[-1:] * (len(leaves) % 2)
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


@pytest.mark.parametrize("block", BLOCKS, ids=NAMES)
def test_real_blocks_have_the_merkle_root_that_we_compute(block: BlockVector) -> None:
    """Coinbase txid and branch lead to the root in the header that was mined."""
    root = template.fold(sha256d(block.stripped_coinbase), template.merkle_branch(block.txids))
    assert root == block.header.merkle_root


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.commitment], ids=lambda b: f"{b.chain}-{b.height}")
def test_real_blocks_have_the_witness_commitment_that_we_compute(block: BlockVector) -> None:
    """The commitment in the coinbase follows from the witness hashes, with the usual reserved value."""
    assert block.coinbase[-36:-4] == template.WITNESS_RESERVED_VALUE
    assert template.witness_commitment(block.wtxids) == block.commitment


def test_the_vectors_cover_what_they_should() -> None:
    """Blocks of main and regtest, with a commitment and without, with one transaction, an odd and an even number."""
    seen = {(b.chain, b.commitment is not None, min(len(b.txids), 1) + len(b.txids) % 2) for b in BLOCKS}
    assert {("main", True, 2), ("main", False, 2), ("testnet3", False, 0), ("regtest", True, 0)} <= seen
    assert any(b.wtxids != b.txids and b.commitment for b in BLOCKS)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.height and b.header.version > 1], ids=lambda b: str(b.height))
def test_real_coinbases_begin_with_the_height_that_we_push(block: BlockVector) -> None:
    """BIP 34, at 1 and 16 (opcodes), 17 and 127 (one byte), 128 and 32768 (a sign byte) and beyond."""
    start = 42  # version, input count, outpoint, script length
    push = template.height_push(block.height)
    assert block.stripped_coinbase[start : start + len(push)] == push


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.chain == "regtest"], ids=lambda b: str(b.height))
def test_a_coinbase_of_the_same_parts_is_the_nodes_own(block: BlockVector) -> None:
    """Serialized from script and outputs, with the version that the node uses, byte for byte."""
    stripped = block.stripped_coinbase
    script_sig = stripped[42 : 42 + stripped[41]]
    value = int.from_bytes(stripped[47 + len(script_sig) :][:8], "little")
    reward = template.output(value, stripped[56 + len(script_sig) : 90 + len(script_sig)])
    commitment = template.output(0, template.COMMITMENT_HEADER + (block.commitment or b""))
    for witness, expected in ((True, block.coinbase), (False, stripped)):
        ours = template.coinbase(script_sig, [reward, commitment], witness=witness)
        assert ours[4:] == expected[4:]  # the version differs, 1 here and 2 there; both are good


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_branch_and_fold_make_the_merkle_root(leaves: list[bytes]) -> None:
    """For any number of transactions."""
    root = template.fold(leaves[0], template.merkle_branch(leaves[1:]))
    assert root == plain_merkle_root(list(leaves))


@given(st.integers(17, 2**31 - 1))
def test_height_pushes_are_minimal(height: int) -> None:
    """One length byte, then the fewest bytes that keep the sign bit clear."""
    push = template.height_push(height)
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
    """One below 253, then three, five and nine."""
    assert template.varint(n).hex() == expected


def test_another_extranonce_makes_another_header_and_nothing_else() -> None:
    """Only the merkle root differs."""
    candidate = Candidate(make(), PAYOUT)
    first, second = candidate.header(1), candidate.header(2)
    differing = [name for name in Header.__slots__ if getattr(first, name) != getattr(second, name)]
    assert differing == ["merkle_root"]


@pytest.mark.parametrize(("curtime", "mintime", "expected"), [(100, 50, 100), (50, 100, 100)])
def test_the_time_is_the_nodes_and_at_least_the_lowest_allowed(curtime: int, mintime: int, expected: int) -> None:
    """Never the local clock."""
    assert Candidate(make(curtime=curtime, mintime=mintime), PAYOUT).header(0).time == expected


@pytest.mark.parametrize("version", [0x20000000, 0xA0000000, -0x60000000])
def test_versions_are_32_bits_however_they_are_written(version: int) -> None:
    """Beyond 2^31 and below 0 alike."""
    header = Candidate(make(version=version), PAYOUT).header(0)
    assert header.pack()[:4] == (version % 2**32).to_bytes(4, "little")


def test_a_block_without_segwit_has_no_commitment() -> None:
    """No marker, no witness, one output."""
    block = Candidate(make(default_witness_commitment=None), PAYOUT)
    assert block.coinbase(1, witness=False) == block.block(block.header(1), 1)[81:]
    assert b"\xaa\x21\xa9\xed" not in block.block(block.header(1), 1)


def test_the_nodes_flags_end_the_coinbase_script() -> None:
    """`coinbaseaux` is appended (BIP 22)."""
    coinbase = Candidate(make(coinbaseaux={"flags": "0a0b0c"}), PAYOUT).coinbase(7, witness=False)
    script_sig = coinbase[42 : 42 + coinbase[41]]
    assert script_sig == b"\x01\x11" + b"\x08" + (7).to_bytes(8, "little") + b"\x0a\x0b\x0c"


@pytest.mark.parametrize("height", [1, 16, 17, 128, 32768, 1 << 23, 2**31 - 1])
def test_coinbase_scripts_have_a_legal_length(height: int) -> None:
    """2 to 100 bytes."""
    assert 2 <= len(template.coinbase_script(height, 0)) <= 100


def test_a_coinbase_script_beyond_100_bytes_is_refused() -> None:
    """With a sentence."""
    with pytest.raises(UnavailableError, match="more in the coinbase than fits"):
        template.coinbase_script(17, 0, bytes(90))


TX = {"data": "00", "txid": "aa" * 32, "hash": "bb" * 32}
BAD = {
    "an unknown mandatory rule": {"rules": ["csv", "!blake2b"]},
    "a signet with a key": {"signet_challenge": "5121" + "02" * 33 + "51ae"},
    "a huge transaction list": {"transactions": [TX | {"data": "00" * 4_000}] * 1_001},
    "no hex in a transaction": {"transactions": [TX | {"data": "zz"}]},
    "no hex in the flags": {"coinbaseaux": {"flags": "xyz"}},
    "an impossible target": {"bits": "00000000"},
    "a negative target": {"bits": "04923456"},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_a_template_that_makes_no_block_is_refused(changes: dict[str, Any]) -> None:
    """By one sentence, before any work."""
    with pytest.raises(UnavailableError):
        template.check(make(**changes))


WRONG = {
    **{f"no {name}": {name: None} for name in FIELDS if name != "default_witness_commitment"},
    **{f"negative {name}": {name: -1} for name in ("coinbasevalue", "height", "curtime", "mintime")},
    "more coins than exist": {"coinbasevalue": 22_000_000 * 10**8},
    "a short hash": {"previousblockhash": "00"},
    "transactions as a dict": {"transactions": {}},
    "a transaction without data": {"transactions": [{"txid": "aa" * 32, "hash": "bb" * 32}]},
    "a version of 33 bits": {"version": 1 << 32},
    "a fraction": {"height": 1.5},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_malformed_template_is_not_decoded(changes: dict[str, Any]) -> None:
    """A missing, wrong or negative field never reaches the arithmetic."""
    with pytest.raises(msgspec.ValidationError):
        make(**changes)


def test_known_rules_and_the_trivial_signet_are_fine() -> None:
    """Mandatory rules that we obey, unknown ones that are not mandatory, OP_TRUE."""
    good = make(rules=["!segwit", "!signet", "taproot", "somethingnew"], signet_challenge="51")
    assert template.check(good) is good
    assert template.check(make(signet_challenge="60"))


def test_required_version_bits_are_not_rolled() -> None:
    """The rollable bits are BIP 320's less those of vbrequired."""
    assert make(vbrequired=0x00006000).rollable == 0x1FFF8000
