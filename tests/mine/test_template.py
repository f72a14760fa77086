"""Templates become candidate blocks, or are refused."""

from typing import Any

import msgspec
import pytest

from hashjoule.errors import UnavailableError
from hashjoule.job import Header
from hashjoule.mine import template
from hashjoule.mine.template import CandidateBlock, Template

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
}


def make(**changes: Any) -> Template:
    """Return a template with some fields changed, decoded as if from a node."""
    return msgspec.convert(FIELDS | changes, Template)


def test_another_extranonce_makes_another_header_and_nothing_else() -> None:
    """Only the merkle root depends on the extranonce."""
    candidate = CandidateBlock(make(), PAYOUT)
    first, second = candidate.header(1), candidate.header(2)
    differing = [name for name in Header.__slots__ if getattr(first, name) != getattr(second, name)]
    assert differing == ["merkle_root"]


@pytest.mark.parametrize(("curtime", "mintime", "expected"), [(100, 50, 100), (50, 100, 100)])
def test_the_time_is_the_nodes_and_at_least_the_lowest_allowed(curtime: int, mintime: int, expected: int) -> None:
    """The local clock does not matter."""
    assert CandidateBlock(make(curtime=curtime, mintime=mintime), PAYOUT).header(0).time == expected


@pytest.mark.parametrize("version", [0x20000000, 0xA0000000, -0x60000000])
def test_versions_are_32_bits_however_they_are_written(version: int) -> None:
    """Versions above 2^31 and below 0 are read as 32 bits."""
    header = CandidateBlock(make(version=version), PAYOUT).header(0)
    assert header.pack()[:4] == (version % 2**32).to_bytes(4, "little")


def test_a_block_without_segwit_has_no_commitment() -> None:
    """It has no marker and no witness, and its coinbase has one output."""
    block = CandidateBlock(make(rules=["csv"]), PAYOUT)
    assert block.coinbase(1, witness=False) == block.serialize(block.header(1), 1)[81:]
    assert b"\xaa\x21\xa9\xed" not in block.serialize(block.header(1), 1)


def test_the_nodes_flags_end_the_coinbase_script() -> None:
    """`coinbaseaux` is appended to the script (BIP 22)."""
    coinbase = CandidateBlock(make(coinbaseaux={"flags": "0a0b0c"}), PAYOUT).coinbase(7, witness=False)
    script_sig = coinbase[42 : 42 + coinbase[41]]
    assert script_sig == b"\x01\x11" + b"\x08" + (7).to_bytes(8, "little") + b"\x0a\x0b\x0c"


TX = {"data": "00", "txid": "aa" * 32, "hash": "bb" * 32}
BAD = {
    "an unknown mandatory rule": {"rules": ["csv", "!blake2b"]},
    "a signet with a key": {"signet_challenge": "5121" + "02" * 33 + "51ae"},
    "a huge transaction list": {"transactions": [TX | {"data": "00" * 4_000}] * 1_001},
    "no hex in a transaction": {"transactions": [TX | {"data": "zz"}]},
    "flags that fill the coinbase": {"coinbaseaux": {"flags": "00" * 90}},
    "no hex in the flags": {"coinbaseaux": {"flags": "xyz"}},
    "an impossible target": {"bits": "00000000"},
    "negative bits": {"bits": "04923456"},
    "a target of 0": {"target": "00" * 32},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_a_template_that_makes_no_block_is_refused(changes: dict[str, Any]) -> None:
    """One sentence comes before any work."""
    with pytest.raises(UnavailableError):
        template.check_template(make(**changes))


WRONG = {
    **{f"no {name}": {name: None} for name in FIELDS},
    **{f"negative {name}": {name: -1} for name in ("coinbasevalue", "height", "curtime", "mintime")},
    "more coins than exist": {"coinbasevalue": 22_000_000 * 10**8},
    "a short hash": {"previousblockhash": "00"},
    "transactions as a dict": {"transactions": {}},
    "a transaction without data": {"transactions": [{"txid": "aa" * 32, "hash": "bb" * 32}]},
    "a version of 33 bits": {"version": 1 << 32},
    "a fraction": {"height": 1.5},
    "a short target": {"target": "ff"},
    "a target that is a number": {"target": 1},
    "an auxiliary value that is a number": {"coinbaseaux": {"flags": 1}},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_malformed_template_is_not_decoded(changes: dict[str, Any]) -> None:
    """A missing, wrong or negative field never reaches the arithmetic."""
    with pytest.raises(msgspec.ValidationError):
        make(**changes)


def test_known_rules_and_the_trivial_signet_are_fine() -> None:
    """Known mandatory rules, unknown optional ones and an OP_TRUE signet are accepted."""
    good = make(rules=["!segwit", "!signet", "taproot", "somethingnew"], signet_challenge="51")
    assert template.check_template(good) is good
    assert template.check_template(make(signet_challenge="60"))


def test_required_version_bits_are_not_rolled() -> None:
    """The rollable bits are those of BIP 320 without those of vbrequired."""
    assert make(vbrequired=0x00006000).rollable == 0x1FFF8000


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, 0x7FFFFF << 232),
        ("00" * 31 + "01", 1),
        (f"{(0x7FFFFF << 232) - 1:064x}", (0x7FFFFF << 232) - 1),
        ("ff" * 32, 0x7FFFFF << 232),
    ],
)
def test_the_harder_target_counts(target: str | None, expected: int) -> None:
    """The template's target counts where it is harder than the network's."""
    assert make(target=target).search_target == expected


@pytest.mark.parametrize(
    ("rules", "segwit"), [(["!segwit"], True), (["segwit", "taproot"], True), ([], False), (["taproot"], False)]
)
def test_the_rules_say_whether_segwit_is_active(rules: list[str], segwit: bool) -> None:
    """A default commitment does not: bitcoind sends one before the activation too."""
    made = make(rules=rules, default_witness_commitment="6a24aa21a9ed" + "00" * 32)
    assert made.has_segwit is segwit
    assert (len(CandidateBlock(made, PAYOUT)._outputs) == 2) is segwit
