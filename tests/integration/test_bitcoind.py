"""Mining on a real bitcoind: the blocks that we build, and what a run survives."""

import itertools
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import ADDRESS, BitcoinNode, forward, http_server, reply, running
from harness.mining import run_on, searching, until
from harness.transactions import OP_TRUE_ADDRESS, spend
from hashjoule.block import output
from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.job import sha256d
from hashjoule.mine.address import script_of
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.chain import RefusedError, Standing
from hashjoule.mine.embedded import ANYONE_CAN_SPEND
from hashjoule.mine.template import CandidateBlock

ADDRESSES = {
    "pubkeyhash": "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r",
    "scripthash": "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
    "witness_v0_keyhash": ADDRESS,
    "witness_v0_scripthash": OP_TRUE_ADDRESS,
    "witness_v1_taproot": "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinNode]:
    """Run a regtest node for tests that work at any height."""
    with running(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def signet(tmp_path: Path) -> Iterator[BitcoinNode]:
    """Run a signet on which everybody may mine. A block takes 4.84 million hashes."""
    with running(tmp_path / "signet", "signet", "-signetchallenge=51") as node:
        yield node


@contextmanager
def chain_of(node: BitcoinNode) -> Iterator[Node]:
    """Return the node as the mining loop sees it."""
    with closing(Node(node.rpc(), node.chain)) as chain:
        yield chain


@pytest.fixture
def chain(shared: BitcoinNode) -> Iterator[Node]:
    """Return the shared node as the mining loop sees it."""
    with chain_of(shared) as chain:
        yield chain


def test_the_chain_grows_from_its_first_block_over_all_forms_of_the_height(tmp_path: Path) -> None:
    """Heights 1 to 130 cover all forms: opcodes to 16, one byte to 127, a sign byte from 128 on."""
    with running(tmp_path / "node") as node:
        run = run_on(node, tmp_path)
        stats = run.mine(130)
        assert (node.height, stats.blocks, stats.stale, stats.rejected) == (130, 130, 0, 0)
        assert [mined.height for mined in run.report.blocks] == list(range(1, 131))
        assert [mined.hash for mined in run.report.blocks] == [node.call("getblockhash", h) for h in range(1, 131)]
        assert {mined.fate for mined in run.report.blocks} == {"active"}


@pytest.mark.parametrize(("kind", "address"), ADDRESSES.items(), ids=ADDRESSES)
def test_every_address_type_is_paid(shared: BitcoinNode, chain: Node, kind: str, address: str) -> None:
    """The node accepts the block and names the address in its first output."""
    candidate = CandidateBlock(chain.template(), script_of(address, "regtest"))
    header = candidate.header(1)
    assert chain.propose(candidate.serialize(header, 1)) is None
    solved = next(h for h in (replace(header, nonce=n) for n in itertools.count()) if h.meets(2**255 - 1))
    assert chain.submit(candidate.serialize(solved, 1))[0] is None
    assert chain.standing(solved.hash()) is Standing.ACTIVE
    paid = shared.call("getblock", solved.hash()[::-1].hex(), 2)["tx"][0]["vout"][0]["scriptPubKey"]
    assert (paid["type"], paid["address"]) == (kind, address)


def test_a_proposal_that_is_wrong_is_told(chain: Node) -> None:
    """The node names what is wrong with a block that pays too much or has another block's merkle root."""
    candidate = CandidateBlock(chain.template(), ANYONE_CAN_SPEND)
    block = candidate.serialize(candidate.header(1), 1)
    assert chain.propose(candidate.serialize(candidate.header(2), 1)) == "bad-txnmrklroot"
    at = block.index(candidate.template.coinbasevalue.to_bytes(8, "little"))
    rich = block[:at] + (candidate.template.coinbasevalue + 1).to_bytes(8, "little") + block[at + 8 :]
    coinbase = candidate.coinbase(1, witness=False).replace(block[at : at + 8], rich[at : at + 8])
    assert chain.propose(rich[:36] + sha256d(coinbase) + rich[68:]) == "bad-cb-amount"


def test_all_transactions_and_their_fees_are_mined(tmp_path: Path) -> None:
    """A block holds 300 transactions with witnesses, so that their count takes three bytes, and collects all fees."""
    fee, number = 1_000, 300
    with running(tmp_path / "node", "regtest", "-blockmaxweight=4000000", "-blockmintxfee=0.00000001") as node:
        node.call("generatetoaddress", 101, OP_TRUE_ADDRESS)
        first = node.call("getblock", node.call("getblockhash", 1), 1)["tx"][0]
        each = (50 * 10**8 - 100_000) // number
        outpoint = bytes.fromhex(first)[::-1] + bytes(4)
        fan = [output(each, ANYONE_CAN_SPEND)] * number
        node.call("sendrawtransaction", spend(outpoint, fan, witness=True).hex())
        assert run_on(node, tmp_path).mine(1).blocks == 1
        parent = sha256d(spend(outpoint, fan, witness=False))
        for i in range(number):
            tx = spend(parent + i.to_bytes(4, "little"), [output(each - fee, ANYONE_CAN_SPEND)], witness=True)
            node.call("sendrawtransaction", tx.hex())
        node.call("setmocktime", int(time.time()) + 10)  # bitcoind's template may be five seconds old
        with chain_of(node) as chain:
            value = chain.template().coinbasevalue
        assert run_on(node, tmp_path).mine(1).blocks == 1
        block = node.call("getblock", node.call("getbestblockhash"), 2)
        assert len(block["tx"]) == number + 1
        assert round(block["tx"][0]["vout"][0]["value"] * 10**8) == value == 50 * 10**8 + fee * number
        assert node.call("getmempoolinfo")["size"] == 0


def test_rolled_versions_are_accepted(shared: BitcoinNode, tmp_path: Path) -> None:
    """With --roll-version, versions differ in bits of BIP 320's mask and in no others."""
    run = run_on(shared, tmp_path, roll_version=True)
    run.mine(20)
    versions = {shared.call("getblockheader", mined.hash)["version"] for mined in run.report.blocks}
    assert len(versions) > 1
    assert {version & ~0x1FFFE000 for version in versions} == {0x20000000}


def test_two_miners_at_once(shared: BitcoinNode, tmp_path: Path) -> None:
    """Each miner counts its own blocks on the active chain; none is counted twice or lost."""
    before = shared.height
    runs = [run_on(shared, tmp_path / str(i)) for i in range(2)]
    for run in runs:
        run.start(100)
    for run in runs:
        run.wait()
    assert shared.height - before == 200
    active = [mined.hash for run in runs for mined in run.report.blocks if mined.fate == "active"]
    assert sorted(active) == sorted(shared.call("getblockhash", before + i) for i in range(1, 201))
    assert not any(run.miner.stats.rejected for run in runs)


def test_a_tip_that_changes_in_mid_search_is_followed(signet: BitcoinNode, tmp_path: Path) -> None:
    """When another miner's blocks arrive during a search, all of our blocks build on them or are stale."""
    ours, theirs = run_on(signet, tmp_path / "ours"), run_on(signet, tmp_path / "theirs")
    with searching(ours):
        theirs.mine(6)
        until(lambda: ours.report.blocks != [], "our miner found nothing")
    stats = ours.miner.stats
    assert stats.blocks + theirs.miner.stats.blocks == signet.height
    assert stats.rejected == 0


def test_a_new_tip_interrupts_the_search(signet: BitcoinNode, tmp_path: Path) -> None:
    """When invalidateblock removes the tip, the search restarts one block lower at once."""
    run_on(signet, tmp_path / "first").mine(2)
    with chain_of(signet) as chain, closing(chain.watch()) as watch:
        template = chain.template()
        assert not watch.outdated(template)
        signet.call("invalidateblock", template.previousblockhash)
        assert watch.outdated(template)
    run = run_on(signet, tmp_path / "second")
    run.mine(1)
    assert run.report.blocks[-1].height == template.height - 1


def test_a_node_with_one_rpc_thread_is_not_starved(tmp_path: Path) -> None:
    """Watching the tip leaves the RPC thread free for the blocks."""
    with running(tmp_path / "node", "signet", "-signetchallenge=51", "-rpcthreads=1") as node:
        runs = [run_on(node, tmp_path / str(i)) for i in range(2)]
        for run in runs:
            run.start(2)
        for run in runs:
            run.wait()
        assert node.height == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_in_mid_search_is_survived(signet: BitcoinNode, tmp_path: Path, how: int) -> None:
    """One line says that the node is away and one that it is back; the new cookie is used."""
    with searching(run_on(signet, tmp_path)) as run:
        until(lambda: run.miner.stats.blocks >= 1)
        old = signet.cookie.read_text()
        signet.stop(how)
        until(lambda: run.report.said != [], "nobody said that the node is away")
        signet.start()
        assert signet.cookie.read_text() != old
        found = run.miner.stats.blocks
        until(lambda: run.miner.stats.blocks >= found + 2, f"nothing was mined after the restart: {run.report.said}")
    waiting = [sentence for sentence in run.report.said if sentence.startswith("waiting: ")]
    assert 1 <= len(waiting) <= 4  # refused, without a cookie, loading: each once
    assert run.report.said.count("the node answers again") == 1
    assert run.miner.stats.blocks == signet.height + (run.miner.stats.blocks - signet.height if how == 9 else 0)


def test_a_height_that_falls_is_accepted(shared: BitcoinNode, tmp_path: Path) -> None:
    """After a crash or invalidateblock has removed blocks, mining goes on at the lower height."""
    run = run_on(shared, tmp_path)
    run.mine(5)
    shared.call("invalidateblock", run.report.blocks[1].hash)
    run.mine(7)
    assert [mined.height for mined in run.report.blocks[5:]] == [
        run.report.blocks[1].height,
        run.report.blocks[2].height,
    ]
    assert shared.call("getbestblockhash") == run.report.blocks[-1].hash


@pytest.mark.parametrize("offset", [-(10**8), -3 * 3600, 3 * 3600, 30 * 86400])
def test_the_nodes_clock_counts_not_ours(tmp_path: Path, offset: int) -> None:
    """A node whose clock is hours or days behind or ahead gets blocks of its own time."""
    now = int(time.time()) + offset
    with running(tmp_path / "node", "regtest", f"-mocktime={now}") as node:
        run_on(node, tmp_path).mine(20)
        assert node.height == 20
        assert now <= node.call("getblockheader", node.call("getbestblockhash"))["time"] <= now + 20


def test_a_block_ahead_of_the_nodes_clock_waits_for_it(tmp_path: Path) -> None:
    """When the clock was set back by more than two hours, the run waits and says so once."""
    now = int(time.time())
    with running(tmp_path / "node", "regtest", f"-mocktime={now}") as node:
        node.call("generatetoaddress", 11, ADDRESS)
        node.call("setmocktime", now - 3 * 3600)
        run = run_on(node, tmp_path)
        run.start(3)
        until(lambda: run.report.said != [] or run.error is not None)
        node.call("setmocktime", now)
        assert (run.wait().blocks, run.miner.stats.rejected) == (3, 0)
        assert run.report.said == ["waiting: the chain's time is two hours ahead of the clock, as fast mining makes it"]


def test_an_unknown_mandatory_rule_stops_us(tmp_path: Path) -> None:
    """A node that demands an unknown rule ends the run; this very node can be told to demand one."""
    sentence = "'blake2b' rule requires explicit client support .*; update hashjoule"
    with (
        running(tmp_path / "node", "regtest", "-testactivationheight=blake2b@3") as node,
        pytest.raises(HashjouleError, match=sentence),
    ):
        run_on(node, tmp_path).mine(10)


def test_a_signet_that_wants_signatures_is_refused(tmp_path: Path) -> None:
    """The sentence says what can be mined instead."""
    with (
        running(tmp_path / "node", "signet", f"-signetchallenge=5121{'02' * 33}51ae") as node,
        pytest.raises(UnavailableError, match="need a signature; mine an OP_TRUE signet"),
    ):
        run_on(node, tmp_path).mine(1)


def test_main_without_peers_is_waited_for(tmp_path: Path) -> None:
    """The node says that it is not connected, and the run says so once."""
    with running(tmp_path / "node", "main") as node:
        run = run_on(node, tmp_path)
        run.start()
        until(lambda: run.report.said != [] or run.error is not None)
        run.end()
    (said,) = run.report.said
    assert said.startswith("waiting: the node is not ready: ")
    assert said.endswith("(-9)")


def test_testnet4_takes_our_proposal_and_is_searched(tmp_path: Path) -> None:
    """The node accepts our proposal on testnet4. The 2^32 hashes of a block are too many for a test."""
    with running(tmp_path / "node", "testnet4") as node:
        run = run_on(node, tmp_path)
        with searching(run):
            pass
    assert run.miner.stats.expected_hashes == pytest.approx(2**32, rel=1e-4)
    assert run.miner.stats.hashes > 0
    assert run.report.said == []


def test_another_chain_is_refused(shared: BitcoinNode) -> None:
    """The run ends before anything is mined."""
    with (
        closing(Node(shared.rpc(), "signet")) as chain,
        pytest.raises(HashjouleError, match="is on regtest, not on si"),
    ):
        chain.template()


def method(request: bytes) -> str:
    """Return the method that a request calls; the first one of a batch."""
    calls = json.loads(request)
    return str((calls[0] if isinstance(calls, list) else calls)["method"])


def test_credentials_that_turn_wrong_end_the_run(shared: BitcoinNode, tmp_path: Path) -> None:
    """The run ends after a few tries, since a restarting node may have its old cookie for a moment."""
    wrong = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        reply(handler, *((401, b"") if wrong.is_set() else forward(shared, handler, request)))
        if method(request) == "submitblock":
            wrong.set()

    with http_server(answer) as url, pytest.raises(RefusedError, match=r"does not accept the cookie .*\.cookie"):
        run_on(shared, tmp_path, url=url).mine(10)


Fault = Callable[[BaseHTTPRequestHandler], None]


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"result": ')
    handler.close_connection = True


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


PASSING: dict[str, Fault] = {
    "401": lambda handler: reply(handler, 401, b""),
    "500": lambda handler: reply(handler, 500, b"oops"),
    "503": lambda handler: reply(handler, 503, b"Work queue depth exceeded"),
    "404": lambda handler: reply(handler, 404, b"<html>"),
    "empty": lambda handler: reply(handler, 200, b""),
    "cut": _cut,
    "no JSON": lambda handler: reply(handler, 200, b"<html>"),
    "nested": lambda handler: reply(handler, 200, b'{"result":' + b"[" * 100_000),
    "hangs up": _hang_up,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("forwarded", [False, True], ids=["lost", "answer lost"])
def test_a_passing_fault_loses_no_block(shared: BitcoinNode, tmp_path: Path, fault: Fault, forwarded: bool) -> None:
    """Whether or not the node got the request, every found block is on the chain at the end and none stays on disk."""
    before, calls = shared.height, itertools.count()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        broken = method(request) == "submitblock" and 2 <= next(calls) < 4
        status, body = (0, b"") if broken and not forwarded else forward(shared, handler, request)
        fault(handler) if broken else reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(6)
    assert shared.height - before == 6
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 6
    assert any(sentence.startswith("waiting: ") for sentence in run.report.said)
    assert run.pending.load() == []


@pytest.mark.parametrize("half", ["-10", "lost"])
def test_a_node_that_takes_a_block_and_has_no_template_is_waited_for(
    shared: BitcoinNode, tmp_path: Path, half: str
) -> None:
    """The block and the request for a template travel together, and only one of them may succeed."""
    before, calls = shared.height, itertools.count()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        status, body = forward(shared, handler, request)
        if method(request) == "submitblock" and 1 <= next(calls) < 3:
            error = {"id": 1, "error": {"code": -10, "message": "in initial sync"}}
            body = json.dumps([json.loads(body)[0], *([error] if half == "-10" else [])]).encode()
        reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(3)
    assert shared.height - before == 3
    assert [(mined.fate, mined.reason) for mined in run.report.blocks] == [
        ("active", None),
        ("active", "duplicate"),
        ("active", None),
    ]
    assert any(sentence.startswith("waiting: ") for sentence in run.report.said)
    assert run.pending.load() == []


@pytest.mark.parametrize("forwarded", [False, True], ids=["lost", "answer lost"])
def test_a_block_without_an_answer_is_kept_and_handed_in_by_the_next_run(
    shared: BitcoinNode, tmp_path: Path, forwarded: bool
) -> None:
    """A run that is stopped while the node is away leaves its block on disk; the next run submits it."""
    before = shared.height

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        submits = method(request) == "submitblock"
        status, body = (0, b"") if submits and not forwarded else forward(shared, handler, request)
        _hang_up(handler) if submits else reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start()
        until(lambda: run.pending.load() != [], "no block was kept")
        run.end()
    assert run.miner.stats.blocks == 0
    (kept,) = run.pending.load()
    second = run_on(shared, tmp_path)
    second.mine(1)
    assert shared.call("getblockhash", before + 1) == kept.hash_hex
    assert second.pending.load() == []


def test_a_kept_block_is_dropped_when_the_chain_has_moved_on_and_left_alone_on_another_chain(
    shared: BitcoinNode, tmp_path: Path
) -> None:
    """A run on the block's own chain drops it when it can no longer win. A run on another chain leaves it."""
    refuse: Fault = _hang_up

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        refuse(handler) if method(request) == "submitblock" else reply(handler, *forward(shared, handler, request))

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start()
        until(lambda: run.pending.load() != [])
        run.end()
    (kept,) = run.pending.load()
    with running(tmp_path / "other") as other:
        run_on(other, tmp_path).mine(1)
    assert run.pending.load() == [kept]
    shared.call("generatetoaddress", 1, ADDRESS)
    later = run_on(shared, tmp_path)
    later.mine(1)
    assert any("the chain has moved on" in sentence for sentence in later.report.said)
    assert later.pending.load() == []


def test_a_full_disk_does_not_lose_the_block_while_the_run_goes_on(
    shared: BitcoinNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says that the disk is full, keeps the block in memory and submits it later.

    If the run ends first, it prints the block.
    """
    down = threading.Event()
    before = shared.height

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        if method(request) == "submitblock" and down.is_set():
            return _hang_up(handler)
        return reply(handler, *forward(shared, handler, request))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    down.set()
    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start(2)
        until(lambda: run.report.said != [])
        assert "cannot be kept" in run.report.said[0]
        assert "No space left on device" in run.report.said[0]
        down.clear()
        assert run.wait().blocks == 2
        assert shared.height == before + 2
        down.set()
        last = run_on(shared, tmp_path, url=url)
        last.start()
        until(lambda: last.report.said != [])
        last.end()
    (words,) = [s for s in last.report.said if "neither submitted nor kept" in s]
    assert shared.call("submitblock", words.rpartition(" ")[2]) is None
    assert list((tmp_path / "pending").glob("**/*.*")) == []


def test_a_silent_node_does_not_hold_up_the_end(signet: BitcoinNode, tmp_path: Path) -> None:
    """A stop does not wait for a call to a node that accepts connections and does not answer."""
    run = run_on(signet, tmp_path)
    with searching(run):
        signet.pause()
        try:
            time.sleep(0.3)  # in the search or in a call, as it comes
            run.end()
        finally:
            signet.resume()


BAD_TEMPLATES: dict[str, dict[str, Any]] = {
    "without a field": {"height": ...},
    "negative": {"coinbasevalue": -1},
    "wrongly typed": {"transactions": "none"},
    "huge": {"transactions": [{"data": "00" * 4_000, "txid": "aa" * 32, "hash": "bb" * 32}] * 1_001},
    "unknown rule": {"rules": ["!somethingnew"]},
    "null": {"*": None},
}


@pytest.mark.parametrize("changes", BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_a_bad_template_ends_the_run_with_a_sentence(
    shared: BitcoinNode, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """At first contact, a bad template ends the run; nothing is mined on it."""
    before = shared.height

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        status, body = forward(shared, handler, request)
        if method(request) == "getblocktemplate":
            whole = json.loads(body)
            fields = {name: value for name, value in (whole["result"] | changes).items() if value is not ...}
            body = json.dumps(whole | {"result": None if "*" in changes else fields}).encode()
        reply(handler, status, body)

    with http_server(answer) as url, pytest.raises(UnavailableError) as caught:
        run_on(shared, tmp_path, url=url).mine(1)
    assert str(caught.value).isprintable()
    assert shared.height == before


def test_a_submit_answered_with_null_for_nothing_is_not_success(shared: BitcoinNode, tmp_path: Path) -> None:
    """A proxy swallows blocks and answers null: the block is not on the active chain, so it stays on disk."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        if method(request) != "submitblock":
            return reply(handler, *forward(shared, handler, request))
        _, body = forward(shared, handler, json.dumps(json.loads(request)[1]).encode())
        return reply(handler, 200, b'[{"result":null,"id":0},' + body + b"]")

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start(1)
        until(lambda: run.pending.load() != [])
        run.end()
    assert run.miner.stats.blocks == 0


def test_a_rejected_block_is_told_and_three_in_a_row_end_the_run(shared: BitcoinNode, tmp_path: Path) -> None:
    """The template promises too much money, so the node rejects each block as bad-cb-amount."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        status, body = forward(shared, handler, request)
        if b"getblocktemplate" in request:
            body = re.sub(rb'"coinbasevalue":(\d+)', lambda found: b'"coinbasevalue":%d' % (int(found[1]) + 1), body)
        reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        with pytest.raises(HashjouleError, match=r"rejects our blocks \(bad-cb-amount\)"):
            run.mine(5)
    assert [(mined.fate, mined.reason) for mined in run.report.blocks] == [("rejected", "bad-cb-amount")] * 3
