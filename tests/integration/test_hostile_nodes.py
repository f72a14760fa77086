"""Mining through proxies that change, break or withhold what a real bitcoind says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import BitcoinNode, altering, forward, http_server, reply, reset, running
from harness.mining import run_on
from hashjoule.backends import specs
from hashjoule.errors import UnavailableError
from hashjoule.job import nbits_to_target

REGTEST_TARGET = nbits_to_target(0x207FFFFF)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinNode]:
    """A regtest node for tests that any height suits."""
    with running(tmp_path_factory.mktemp("node")) as node:
        yield node


def hash_number(hash_hex: str) -> int:
    """A block's hash as the number that is compared with targets."""
    return int(hash_hex, 16)


def test_a_chain_without_segwit_is_mined_up_to_its_activation_and_beyond(tmp_path: Path) -> None:
    """Commitment and witness are in the blocks from the activation on, and in none before."""
    with running(tmp_path / "node", "regtest", "-testactivationheight=segwit@10") as node:
        run = run_on(node, tmp_path)
        stats = run.mine(14)
        assert (node.height, stats.blocks, stats.rejected) == (14, 14, 0)
        coinbases = [node.call("getblock", mined.hash, 2)["tx"][0] for mined in run.report.blocks]
    assert [len(coinbase["vout"]) for coinbase in coinbases] == [1] * 9 + [2] * 5
    assert ["txinwitness" in coinbase["vin"][0] for coinbase in coinbases] == [False] * 9 + [True] * 5


def test_a_target_harder_than_the_bits_is_honoured(shared: BitcoinNode, tmp_path: Path) -> None:
    """BIP 22 lets a proxy ask for more: every block meets its target, not only the network's."""
    target = REGTEST_TARGET >> 8

    def harder(template: dict[str, Any]) -> dict[str, Any]:
        return template | {"target": f"{target:064x}"}

    with altering(shared, getblocktemplate=harder) as url:
        run = run_on(shared, tmp_path, url=url)
        stats = run.mine(5)
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 5
    assert max(hash_number(mined.hash) for mined in run.report.blocks) <= target
    assert stats.expected_hashes == pytest.approx(2**256 / target)


def test_a_target_easier_than_the_bits_makes_no_bad_block(shared: BitcoinNode, tmp_path: Path) -> None:
    """It would be a share, and a node takes blocks only."""

    def easier(template: dict[str, Any]) -> dict[str, Any]:
        return template | {"target": "f" * 64}

    with altering(shared, getblocktemplate=easier) as url:
        run = run_on(shared, tmp_path, url=url)
        stats = run.mine(20)
    assert (stats.blocks, stats.stale, stats.rejected) == (20, 0, 0)


@pytest.mark.parametrize("aux", [{"flags": "0a0b0c"}, {"flags": "", "other": "0d0e"}])
def test_coinbaseaux_is_in_the_coinbase(shared: BitcoinNode, tmp_path: Path, aux: dict[str, str]) -> None:
    """All its values, as BIP 22 asks."""
    with altering(shared, getblocktemplate=lambda template: template | {"coinbaseaux": aux}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(2)
    coinbase = shared.call("getblock", run.report.blocks[0].hash, 2)["tx"][0]
    assert coinbase["vin"][0]["coinbase"].endswith("".join(aux.values()))


def once(wrong: Any, at: int = 2) -> Callable[[Any], Any]:
    """Changes one result, the one with this number from 0 on."""
    calls = itertools.count()
    return lambda result: wrong if next(calls) == at else result


WRONG_TYPES: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a string": "wrong",
    "a list": [[]],
    "an object": {"height": "high"},
    "true": True,
}


@pytest.mark.parametrize("wrong", WRONG_TYPES.values(), ids=WRONG_TYPES)
@pytest.mark.parametrize("method", ["getblocktemplate", "submitblock"])
def test_a_wrongly_typed_answer_in_mid_run_is_survived(
    shared: BitcoinNode, tmp_path: Path, method: str, wrong: Any
) -> None:
    """As garbage is: asked again, and no block is lost."""
    before = shared.height
    with altering(shared, **{method: once(wrong)}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(6)
    assert shared.height - before == 6
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 6
    assert run.pending.load() == []


@pytest.mark.parametrize("method", ["getblocktemplate", "submitblock"])
def test_an_error_of_the_node_in_mid_run_is_survived(shared: BitcoinNode, tmp_path: Path, method: str) -> None:
    """Such as an internal one: it passes, and the run is worth more than one call."""
    before = shared.height
    with altering(shared, **{method: once(RuntimeError("CreateNewBlock: something failed"))}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(6)
    assert shared.height - before == 6
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 6
    assert any("something failed" in sentence for sentence in run.report.said)


def test_connections_that_are_reset_at_first_contact_are_tried_again(shared: BitcoinNode, tmp_path: Path) -> None:
    """A few times, with a sentence."""
    contacts = itertools.count()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        reset(handler) if next(contacts) < 3 else reply(handler, *forward(shared, handler, request))

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        assert run.mine(2).blocks == 2
    assert run.report.said[0].startswith("waiting: ")
    assert run.report.said[-1] == "the node answers again"


def test_connections_that_are_always_reset_end_the_run(shared: BitcoinNode, tmp_path: Path) -> None:
    """Soon: it is no node, or a wrong port."""
    contacts = []

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        contacts.append(request)
        reset(handler)

    with http_server(answer) as url, pytest.raises(UnavailableError, match=r"no answer from .*; check --rpc-url"):
        run_on(shared, tmp_path, url=url).mine(1)
    assert 3 <= len(contacts) <= 10


SPECS = [spec for spec in specs("c") if not spec.unavailable]


@pytest.mark.parametrize("threads", [8, 32])
@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_many_threads_on_regtest(shared: BitcoinNode, tmp_path: Path, spec: Any, threads: int) -> None:
    """Every new block is a new job for all threads at once; a harder target keeps them at work together."""
    before = shared.height

    def harder(template: dict[str, Any]) -> dict[str, Any]:
        return template | {"target": f"{REGTEST_TARGET >> 18:064x}"}

    with altering(shared, getblocktemplate=harder) as url:
        run = run_on(shared, tmp_path, url=url, spec=spec, threads=threads)
        stats = run.mine(10)
    assert (stats.blocks, stats.stale, stats.rejected, stats.wrong_hits) == (10, 0, 0, 0)
    assert shared.height - before == 10
    assert max(hash_number(mined.hash) for mined in run.report.blocks) <= REGTEST_TARGET >> 18


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_many_threads_on_signet(tmp_path: Path, spec: Any) -> None:
    """With blocks of 4.84 million hashes, and another miner's tips in between."""
    with running(tmp_path / "node", "signet", "-signetchallenge=51") as node:
        runs = [run_on(node, tmp_path / str(threads), spec=spec, threads=threads) for threads in (8, 12)]
        for run in runs:
            run.start(2)
        for run in runs:
            run.wait()
        blocks = [mined for run in runs for mined in run.report.blocks]
        active = {mined.hash for mined in blocks if mined.fate == "active"}
        assert active == {node.call("getblockhash", height) for height in range(1, node.height + 1)}
    assert {mined.fate for mined in blocks} <= {"active", "stale"}
    assert not any(run.miner.stats.wrong_hits for run in runs)
