"""Mining through proxies that change, break or withhold what a real bitcoind says."""

from __future__ import annotations

import gzip
import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import ADDRESS, Answer, BitcoinNode, altering, forward, http_server, reply, reset, running
from harness.mining import run_on, searching, until
from hashjoule.backends import specs
from hashjoule.errors import HashjouleError, UnavailableError
from hashjoule.job import nbits_to_target
from hashjoule.mine.bitcoind.credentials import Credentials

REGTEST_TARGET = nbits_to_target(0x207FFFFF)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinNode]:
    """Run a regtest node for tests that work at any height."""
    with running(tmp_path_factory.mktemp("node")) as node:
        yield node


def hash_number(hash_hex: str) -> int:
    """Return a block's hash as the number that is compared with targets."""
    return int(hash_hex, 16)


def test_a_chain_without_segwit_is_mined_up_to_its_activation_and_beyond(tmp_path: Path) -> None:
    """Blocks have a commitment and a witness from the activation on, and not before."""
    with running(tmp_path / "node", "regtest", "-testactivationheight=segwit@10") as node:
        run = run_on(node, tmp_path)
        stats = run.mine(14)
        assert (node.height, stats.blocks, stats.rejected) == (14, 14, 0)
        coinbases = [node.call("getblock", mined.hash, 2)["tx"][0] for mined in run.report.blocks]
    assert [len(coinbase["vout"]) for coinbase in coinbases] == [1] * 9 + [2] * 5
    assert ["txinwitness" in coinbase["vin"][0] for coinbase in coinbases] == [False] * 9 + [True] * 5


def test_a_target_harder_than_the_bits_is_honoured(shared: BitcoinNode, tmp_path: Path) -> None:
    """BIP 22 lets a proxy ask for harder blocks: every block meets the template's target."""
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
    """A hash between the two targets would be a share, and a node takes blocks only."""

    def easier(template: dict[str, Any]) -> dict[str, Any]:
        return template | {"target": "f" * 64}

    with altering(shared, getblocktemplate=easier) as url:
        run = run_on(shared, tmp_path, url=url)
        stats = run.mine(20)
    assert (stats.blocks, stats.stale, stats.rejected) == (20, 0, 0)


@pytest.mark.parametrize("aux", [{"flags": "0a0b0c"}, {"flags": "", "other": "0d0e"}])
def test_coinbaseaux_is_in_the_coinbase(shared: BitcoinNode, tmp_path: Path, aux: dict[str, str]) -> None:
    """All of its values are, as BIP 22 asks."""
    with altering(shared, getblocktemplate=lambda template: template | {"coinbaseaux": aux}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(2)
    coinbase = shared.call("getblock", run.report.blocks[0].hash, 2)["tx"][0]
    assert coinbase["vin"][0]["coinbase"].endswith("".join(aux.values()))


def once(wrong: Any, at: int = 2) -> Callable[[Any], Any]:
    """Return a change that replaces one result, the one with this number from 0 on."""
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
    """Like garbage, it is asked for again, and no block is lost."""
    before = shared.height
    with altering(shared, **{method: once(wrong)}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(6)
    assert shared.height - before == 6
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 6
    assert run.pending.load() == []


@pytest.mark.parametrize("method", ["getblocktemplate", "submitblock"])
def test_an_error_of_the_node_in_mid_run_is_survived(shared: BitcoinNode, tmp_path: Path, method: str) -> None:
    """An internal error of the node may pass, so the call is repeated."""
    before = shared.height
    with altering(shared, **{method: once(RuntimeError("CreateNewBlock: something failed"))}) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(6)
    assert shared.height - before == 6
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 6
    assert any("something failed" in sentence for sentence in run.report.said)


def test_connections_that_are_reset_at_first_contact_are_tried_again(shared: BitcoinNode, tmp_path: Path) -> None:
    """A few resets are tolerated, and reported."""
    contacts = itertools.count()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        reset(handler) if next(contacts) < 3 else reply(handler, *forward(shared, handler, request))

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        assert run.mine(2).blocks == 2
    assert run.report.said[0].startswith("waiting: ")
    assert run.report.said[-1] == "the node answers again"


def test_connections_that_are_always_reset_end_the_run(shared: BitcoinNode, tmp_path: Path) -> None:
    """After a few tries it is a wrong port."""
    contacts = []

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        contacts.append(request)
        reset(handler)

    with http_server(answer) as url, pytest.raises(UnavailableError, match=r"no answer from .*; check --rpc-url"):
        run_on(shared, tmp_path, url=url).mine(1)
    assert 3 <= len(contacts) <= 10


def dripping(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Send a few bytes at a time."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for start in range(0, len(body), 200):
        handler.wfile.write(body[start : start + 200])
        handler.wfile.flush()
        time.sleep(0.002)


def chunked(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Use the transfer encoding that any HTTP/1.1 server may choose."""
    handler.send_response(status)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for piece in (body[:100], body[100:]):
        if piece:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def until_closed(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Send no length: the end of the connection is the end of the answer."""
    handler.send_response(status)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def continued(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    """Send an interim answer first."""
    handler.send_response_only(100)
    handler.end_headers()
    reply(handler, status, body)


FORMS = {"dripping": dripping, "chunked": chunked, "until closed": until_closed, "continued": continued}


@pytest.mark.parametrize("send", FORMS.values(), ids=FORMS)
def test_every_form_of_http_is_read(
    shared: BitcoinNode, tmp_path: Path, send: Callable[[BaseHTTPRequestHandler, int, bytes], None]
) -> None:
    """Proxies choose among these forms."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        send(handler, *forward(shared, handler, request))

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        assert run.mine(3).blocks == 3
    assert run.report.said == []


def redirecting(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Redirect to another host, which must not get the credentials."""
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def compressed(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Compress the answer, although nobody asked for that."""
    reply(handler, 200, gzip.compress(b'{"result": {"chain": "regtest"}, "id": 0}'))


def without_a_length(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Send a length that is no number."""
    handler.send_response(200)
    handler.send_header("Content-Length", "many")
    handler.end_headers()
    handler.wfile.write(b"{}")
    handler.close_connection = True


def too_many_headers(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Send hundreds of headers."""
    handler.send_response(200)
    for number in range(300):
        handler.send_header(f"X-{number}", "y" * 100)
    handler.end_headers()
    handler.close_connection = True


def lone_surrogate(handler: BaseHTTPRequestHandler, request: bytes) -> None:
    """Send an error message that no terminal could show."""
    reply(handler, 500, b'{"error": {"code": -1, "message": "\\ud800 \\u001b[31m why"}, "id": 0}')


NO_NODE: dict[str, Answer] = {
    "redirecting": redirecting,
    "compressed": compressed,
    "without a length": without_a_length,
    "too many headers": too_many_headers,
    "lone surrogate": lone_surrogate,
    "no content": lambda handler, request: reply(handler, 204, b""),
}


@pytest.mark.parametrize("answer", NO_NODE.values(), ids=NO_NODE)
def test_what_is_no_node_ends_the_run_with_a_sentence(shared: BitcoinNode, tmp_path: Path, answer: Answer) -> None:
    """The run ends at once, with a sentence that can be printed anywhere."""
    with http_server(answer) as url, pytest.raises(UnavailableError) as caught:
        run_on(shared, tmp_path, url=url).mine(1)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()


FAULTS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "reset": reset,
    "401": lambda handler: reply(handler, 401, b""),
    "503": lambda handler: reply(handler, 503, b"Work queue depth exceeded"),
    "502": lambda handler: reply(handler, 502, b"<html>Bad Gateway</html>"),
    "garbage": lambda handler: reply(handler, 200, bytes(range(256))),
    "empty": lambda handler: reply(handler, 200, b""),
    "null": lambda handler: reply(handler, 200, b"null"),
    "wrong types": lambda handler: reply(handler, 200, b'[{"result": [], "id": 0}, {"result": 7, "id": 1}]'),
    "an error": lambda handler: reply(handler, 500, b'{"error": {"code": -1, "message": "why"}, "id": 0}'),
    "loading": lambda handler: reply(handler, 500, b'{"error": {"code": -28, "message": "loading"}, "id": 0}'),
}


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_faults_loses_no_block(shared: BitcoinNode, tmp_path: Path, seed: int) -> None:
    """A third of all requests fail, before or after they reach the node. Every block counts once."""
    chance, before, calm = random.Random(seed), shared.height, itertools.count()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        faulty = next(calm) >= 2 and chance.random() < 1 / 3  # at first contact some faults end the run
        fault = chance.choice(list(FAULTS.values()))
        if faulty and chance.random() < 0.5:
            return fault(handler)
        status, body = forward(shared, handler, request)
        return fault(handler) if faulty else reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.mine(25)
    mined = run.report.blocks
    assert [block.fate for block in mined] == ["active"] * 25
    assert [block.hash for block in mined] == [shared.call("getblockhash", before + i) for i in range(1, 26)]
    assert shared.height == before + 25
    assert run.pending.load() == []


def test_a_block_that_is_submitted_twice_counts_once(shared: BitcoinNode, tmp_path: Path) -> None:
    """The proxy repeats each request, so the node calls each block a duplicate."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        forward(shared, handler, request)
        reply(handler, *forward(shared, handler, request))

    before = shared.height
    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        stats = run.mine(5)
    assert {mined.reason for mined in run.report.blocks} == {"duplicate"}
    assert (stats.blocks, stats.stale, shared.height - before) == (5, 0, 5)


def test_blocks_on_an_old_template_are_stale_and_not_rejected(shared: BitcoinNode, tmp_path: Path) -> None:
    """A proxy hands out a cached template for a while: the run goes on, and succeeds afterwards."""
    cached: list[Any] = []

    def old(template: dict[str, Any]) -> dict[str, Any]:
        cached.append(template)
        return cached[0] if len(cached) < 6 else template

    before = shared.height
    with altering(shared, getblocktemplate=old) as url:
        run = run_on(shared, tmp_path, url=url)
        stats = run.mine(3)
    fates = [mined.fate for mined in run.report.blocks]
    assert fates[0] == "active"
    assert fates[1:5] == ["stale"] * 4
    assert (stats.blocks, stats.rejected, shared.height - before) == (3, 0, 3)


def test_another_chain_behind_the_same_url_is_noticed(shared: BitcoinNode, tmp_path: Path) -> None:
    """Another node answers at the URL: nothing is mined there, and the found block stays on disk."""
    with running(tmp_path / "signet", "signet", "-signetchallenge=51") as other:
        calls = itertools.count()

        def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
            if b"submitblock" in request and next(calls) == 2:
                behind[0] = other
                return reset(handler)
            handler.headers.replace_header("Authorization", Credentials(behind[0].cookie).header())
            return reply(handler, *forward(behind[0], handler, request))

        behind = [shared]
        with http_server(answer) as url:
            run = run_on(shared, tmp_path, url=url)
            run.start()
            with pytest.raises(HashjouleError, match="is on signet, not on regtest"):
                run.wait()
        assert other.height == 0
    assert run.miner.stats.blocks == 2
    assert len(run.pending.load()) == 1


def test_a_node_that_falls_silent_while_a_block_is_submitted_does_not_hold_up_the_end(
    shared: BitcoinNode, tmp_path: Path
) -> None:
    """The block is on disk when the run ends, and the next run submits it."""
    before, silent, over = shared.height, threading.Event(), threading.Event()

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        if b"submitblock" in request and not over.is_set():
            silent.set()
            over.wait(60)
            handler.close_connection = True
            return
        reply(handler, *forward(shared, handler, request))

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start()
        silent.wait(60)
        run.end()
        over.set()
    assert run.miner.stats.blocks == 0
    (kept,) = run.pending.load()
    second = run_on(shared, tmp_path)
    second.mine(1)
    assert shared.call("getblockhash", before + 1) == kept.hash_hex
    assert second.pending.load() == []


def test_a_kept_block_that_the_node_had_taken_is_said_to_be_on_the_chain(shared: BitcoinNode, tmp_path: Path) -> None:
    """Only the answer was lost, and other blocks have followed."""

    def answer(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        status, body = forward(shared, handler, request)
        reset(handler) if b"submitblock" in request else reply(handler, status, body)

    with http_server(answer) as url:
        run = run_on(shared, tmp_path, url=url)
        run.start()
        until(lambda: run.pending.load() != [])
        run.end()
    (kept,) = run.pending.load()
    shared.call("generatetoaddress", 2, ADDRESS)
    later = run_on(shared, tmp_path)
    later.mine(1)
    assert later.report.said == [f"the kept block {kept.hash_hex} is on the active chain"]
    assert later.pending.load() == []


WHITELIST = "getblockchaininfo,getblocktemplate,submitblock"


@pytest.mark.parametrize("more", ["", ",getbestblockhash", ",waitforblockheight"])
def test_a_node_that_allows_only_what_mining_needs(tmp_path: Path, more: str) -> None:
    """With -rpcwhitelist the tip is watched by the methods that are allowed, or not at all."""
    options = ["-signetchallenge=51", f"-rpcwhitelist=__cookie__:{WHITELIST}{more},getblockcount,stop"]
    with running(tmp_path / "node", "signet", *options) as node:
        run = run_on(node, tmp_path)
        assert run.mine(2).blocks == 2
    assert run.report.said == []


def test_long_outages_again_and_again(tmp_path: Path) -> None:
    """The node is stopped and started three times. Mining goes on each time, and each outage is reported."""
    with running(tmp_path / "node", "signet", "-signetchallenge=51") as node, searching(run_on(node, tmp_path)) as run:
        for outage in range(3):
            before = len(run.report.said)

            def is_away(before: int = before) -> bool:
                return any("found block" not in sentence for sentence in run.report.said[before:])

            node.stop(signal.SIGKILL if outage == 1 else signal.SIGTERM)
            until(is_away, "nobody said that the node is away")
            time.sleep(1.5)
            node.start()
            found = run.miner.stats.blocks
            until(lambda: run.miner.stats.blocks > found, f"nothing was mined: {run.report.said}")  # noqa: B023
    assert run.report.said.count("the node answers again") == 3
    assert run.miner.stats.idle_s >= 3 * 1.5 - 1
    assert run.miner.stats.rejected == 0


SPECS = [spec for spec in specs("c") if not spec.unavailable]


@pytest.mark.parametrize("threads", [8, 32])
@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_many_threads_on_regtest(shared: BitcoinNode, tmp_path: Path, spec: Any, threads: int) -> None:
    """Each block is a new job for all threads at once. A harder target makes them work on it together."""
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
    """A block takes 4.84 million hashes, and another miner's tips arrive meanwhile."""
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
