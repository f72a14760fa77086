"""The mining loop on an embedded chain, and on a fake node for what a real one cannot be made to do."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import http_server, reply
from harness.mining import Run, until
from hashjoule.errors import HashjouleError, UnavailableError, UsageError
from hashjoule.job import Job, sha256d
from hashjoule.mine import contact, loop
from hashjoule.mine.bitcoind.credentials import Credentials
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.bitcoind.rpc import Rpc
from hashjoule.mine.chain import NoAnswerError, Standing
from hashjoule.mine.embedded import ANYONE_CAN_SPEND, EmbeddedChain
from hashjoule.mine.pending import FoundBlock, PendingBlocks, default_directory
from hashjoule.mine.template import CandidateBlock, Template
from hashjoule.search import SearchOutcome, search

MAIN_TEMPLATE = {
    "version": 0x20000000,
    "previousblockhash": "00" * 8 + "11" * 24,
    "transactions": [],
    "coinbasevalue": 312_500_000,
    "height": 900_000,
    "bits": "1702905c",
    "curtime": 1_750_000_000,
    "mintime": 1_749_990_000,
    "rules": ["csv", "!segwit", "taproot"],
}


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """Open a new embedded chain."""
    with closing(EmbeddedChain(tmp_path / "chain")) as chain:
        yield chain


def test_an_embedded_chain_grows_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Bitcoin Core's own code accepts each block, over all forms of the height and a halving."""
    for first, last in ((1, 160), (161, 200)):
        run = Run(EmbeddedChain(tmp_path / "chain"), tmp_path)
        stats = run.mine(last - first + 1)
        assert (stats.blocks, stats.stale, stats.rejected) == (last - first + 1, 0, 0)
        assert [mined.height for mined in run.report.blocks] == list(range(first, last + 1))


def solved(candidate: CandidateBlock, extranonce: int) -> bytes:
    """Return a block of a regtest candidate with proof of work."""
    header = candidate.header(extranonce)
    target = 0x7FFFFF << 232
    return next(
        candidate.serialize(header, extranonce)
        for nonce in range(1_000)
        if (header := replace(header, nonce=nonce)).meets(target)
    )


def test_an_invalid_block_does_not_enter_the_embedded_chain(chain: EmbeddedChain) -> None:
    """A coinbase that takes too much is refused with a reason, and the tip does not move."""
    import msgspec

    template = chain.template()
    greedy = msgspec.structs.replace(template, coinbasevalue=template.coinbasevalue + 1)
    block = solved(CandidateBlock(greedy, ANYONE_CAN_SPEND), 1)
    assert chain.submit(block)[0] == "consensus"
    assert chain.template().height == template.height
    assert chain.standing(sha256d(block[:80])) is not Standing.ACTIVE
    assert chain.submit(b"no block")[0] == "invalid"


def test_rivals_on_an_embedded_chain_have_their_standing(chain: EmbeddedChain) -> None:
    """The first of two blocks at one height is active, the second stale, and a third unknown."""
    candidate = CandidateBlock(chain.template(), ANYONE_CAN_SPEND)
    first, second = (solved(candidate, i) for i in (1, 2))
    assert chain.submit(first)[0] is None
    assert chain.submit(second)[0] == "inconclusive"
    assert chain.standing(sha256d(first[:80])) is Standing.ACTIVE
    assert chain.standing(sha256d(second[:80])) is Standing.STALE
    assert chain.standing(bytes(32)) is Standing.UNKNOWN
    assert chain.propose(first) is None


def test_a_directory_in_use_and_one_that_is_a_file_are_refused(chain: EmbeddedChain, tmp_path: Path) -> None:
    """Both end with a sentence."""
    with pytest.raises(UnavailableError, match="in use by another process, or damaged"):
        EmbeddedChain(tmp_path / "chain")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"no chain can be opened in .*file"):
        EmbeddedChain(tmp_path / "file")


FOREIGN: dict[str, list[str]] = {
    "a file": ["notes.txt"],
    "a hidden file": [".git/config"],
    "a node's data": ["blocks/blk00000.dat", "chainstate/CURRENT", "debug.log"],
    "other blocks": ["blocks/castle.png"],
}


@pytest.mark.parametrize("names", FOREIGN.values(), ids=FOREIGN)
def test_a_directory_with_other_content_is_refused_and_left_alone(names: list[str], tmp_path: Path) -> None:
    """Nothing is written into a directory that belongs to something else."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is not empty and holds no chain of hashjoule; give --embedded a new or"):
        EmbeddedChain(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_block_that_became_too_early_is_handed_in_later(
    chain: EmbeddedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back after a block was found: the block is submitted later, and the wait is reported once."""
    run = Run(chain, tmp_path)
    reasons = iter([None, "time-too-new", "time-too-new"])
    submit = chain.submit

    def put_back(block: bytes) -> tuple[str | None, Template]:
        reason = next(reasons, None)
        return (reason, chain.template()) if reason else submit(block)

    monkeypatch.setattr(chain, "submit", put_back)
    assert run.mine(3).blocks == 3
    assert [mined.fate for mined in run.report.blocks] == ["active"] * 3
    assert run.report.said == ["waiting: the chain's time is two hours ahead of the clock, as fast mining makes it"]


def test_the_embedded_chain_knows_when_a_block_is_too_early(
    chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block more than two hours ahead of the clock is too early."""
    block = solved(CandidateBlock(chain.template(), ANYONE_CAN_SPEND), 1)
    now = time.time()
    monkeypatch.setattr("hashjoule.mine.embedded.time.time", lambda: now - 7300)
    assert chain.submit(block)[0] == "time-too-new"
    monkeypatch.setattr("hashjoule.mine.embedded.time.time", lambda: now)
    assert chain.submit(block)[0] is None


def test_another_extranonce_follows_when_the_nonces_are_used_up(
    chain: EmbeddedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three exhausted searches on one template, the next has another merkle root and its block is valid."""
    roots: list[bytes] = []

    def exhausted(backend: Any, job: Job, **options: Any) -> SearchOutcome:
        roots.append(job.header.merkle_root)
        return SearchOutcome(None, True, 2**32, 0) if len(roots) < 4 else search(backend, job, **options)

    monkeypatch.setattr("hashjoule.mine.loop.search", exhausted)
    run = Run(chain, tmp_path)
    stats = run.mine(1)
    assert len(set(roots)) == 4
    assert stats.hashes >= 3 * 2**32
    assert [mined.fate for mined in run.report.blocks] == ["active"]


def test_a_template_is_refreshed_when_it_is_old(
    chain: EmbeddedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that takes too long ends, and the next one has a new template."""
    monkeypatch.setattr(loop, "REFRESH_SECONDS", -1.0)
    templates = 0
    template = chain.template

    def counted() -> Any:
        nonlocal templates
        templates += 1
        if templates == 5:
            monkeypatch.setattr(loop, "REFRESH_SECONDS", 30.0)
        return template()

    def nothing(backend: Any, job: Job, *, stop: Any, progress: Any, **options: Any) -> SearchOutcome:
        if templates < 5:
            progress(SearchOutcome(None, False, 1, 0))
            assert stop.is_set()
            return SearchOutcome(None, False, 1, 0)
        return search(backend, job, stop=stop, progress=progress, **options)

    monkeypatch.setattr(chain, "template", counted)
    monkeypatch.setattr("hashjoule.mine.loop.search", nothing)
    assert Run(chain, tmp_path).mine(1).blocks == 1
    assert templates == 6


class MadeUpNode:
    """An HTTP server that acts as a node on main with a hard target. Its answers can be changed."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"getblockchaininfo": {"chain": "main"}, "getblocktemplate": MAIN_TEMPLATE}
        self.proposal: str | None = None
        self.called: list[str] = []
        self.down = False

    def __call__(self, handler: BaseHTTPRequestHandler, request: bytes) -> None:
        """Answer one call."""
        call = json.loads(request)
        name = call["method"]
        if name == "getblocktemplate" and call["params"][0].get("mode") == "proposal":
            name, result = "proposal", self.proposal
        else:
            result = self.answers.get(name)
        self.called.append(name)
        if self.down:
            handler.close_connection = True
        elif name == "waitforblockheight":
            time.sleep(0.1)
            tip = {"hash": self.answers["getblocktemplate"]["previousblockhash"], "height": 1}
            reply(handler, 200, json.dumps({"result": tip}).encode())
        else:
            reply(handler, 200, json.dumps({"result": result}).encode())


@pytest.fixture
def cookie(tmp_path: Path) -> Path:
    """Write a cookie file."""
    path = tmp_path / ".cookie"
    path.write_text("__cookie__:x")
    return path


def main_run(url: str, cookie: Path, tmp_path: Path) -> Run:
    """Return a run on the fake node."""
    return Run(Node(Rpc(url, Credentials(cookie)), "main"), tmp_path, "main")


def test_a_hard_block_is_proposed_before_the_search(cookie: Path, tmp_path: Path) -> None:
    """The node checks the block once for each tip, before the search."""
    node = MadeUpNode()
    with http_server(node) as url:
        run = main_run(url, cookie, tmp_path)
        run.start()
        until(lambda: run.report.calls > 2 or run.error is not None)
        run.end()
    assert node.called[:3] == ["getblockchaininfo", "getblocktemplate", "proposal"]
    assert node.called.count("proposal") == 1
    assert run.miner.stats.expected_s is not None
    assert run.miner.stats.expected_hashes == pytest.approx(2**256 / (0x02905C * 2**160), rel=1e-9)


def test_a_proposal_that_does_not_hold_ends_the_run(cookie: Path, tmp_path: Path) -> None:
    """The run ends at once, not after years of search."""
    node = MadeUpNode()
    node.proposal = "bad-txnmrklroot"
    with http_server(node) as url, pytest.raises(HashjouleError, match=r"would not take our block \(bad-txnmrklroot\)"):
        main_run(url, cookie, tmp_path).mine(1)


def test_a_proposal_on_a_tip_that_moved_asks_for_another_template(cookie: Path, tmp_path: Path) -> None:
    """A proposal that is outdated is no error."""
    node = MadeUpNode()
    node.proposal = "inconclusive-not-best-prevblk"
    with http_server(node) as url:
        run = main_run(url, cookie, tmp_path)
        run.start()
        until(lambda: node.called.count("getblocktemplate") > 2)
        node.proposal = None
        until(lambda: run.report.calls > 2 or run.error is not None)
        run.end()


def test_patience_ends(cookie: Path, chain: EmbeddedChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that stays away for too long ends the run, and the found block stays on disk."""

    def away(block: bytes) -> None:
        raise NoAnswerError("away")

    monkeypatch.setattr(contact, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(chain, "submit", away)
    run = Run(chain, tmp_path)
    with pytest.raises(UnavailableError, match="gave up after 0 s: away"):
        run.mine(1)
    assert len(run.pending.load()) == 1


def test_a_node_that_is_not_there_at_first_ends_the_run_at_once(cookie: Path, tmp_path: Path) -> None:
    """A wrong port does not look like a slow start."""
    with http_server(MadeUpNode()) as url:
        pass
    run = main_run(url, cookie, tmp_path)
    with pytest.raises(NoAnswerError, match="nothing listens"):
        run.mine(1)
    assert run.report.said == []


def test_a_node_that_is_loading_is_waited_for_at_first(cookie: Path, tmp_path: Path) -> None:
    """The node itself says that it is loading (-28)."""
    node, calls = MadeUpNode(), 0

    def loading(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            return node(handler, request)
        return reply(handler, 500, b'{"error": {"code": -28, "message": "Loading block index"}}')

    with http_server(loading) as url:
        run = main_run(url, cookie, tmp_path)
        run.start()
        until(lambda: run.report.calls > 0 or run.error is not None)
        run.end()
    assert run.report.said == [
        "waiting: the node is not ready: Loading block index (-28)",
        "the node answers again",
    ]


def test_a_node_without_waitforblockheight_is_asked_for_its_tip(cookie: Path, tmp_path: Path) -> None:
    """The tip is watched by getbestblockhash where waitforblockheight is forbidden."""
    node = MadeUpNode()
    node.answers["getbestblockhash"] = MAIN_TEMPLATE["previousblockhash"]

    def forbids(handler: BaseHTTPRequestHandler, request: bytes) -> None:
        forbidden = json.loads(request)["method"] == "waitforblockheight"
        reply(handler, 403, b"") if forbidden else node(handler, request)

    with http_server(forbids) as url, closing(Node(Rpc(url, Credentials(cookie)), "main")) as chain:
        template = chain.template()
        with closing(chain.watch()) as watch:
            assert not watch.outdated(template)
            node.answers["getbestblockhash"] = "ab" * 32
            assert watch.outdated(template)


def test_kept_blocks_are_read_back_and_damaged_ones_are_not(tmp_path: Path) -> None:
    """Pending blocks are loaded by height. A file whose name does not match its content is left alone."""
    pending = PendingBlocks(tmp_path, "regtest")
    blocks = [FoundBlock(height, bytes([height]) * 100) for height in (12, 3)]
    for found in blocks:
        pending.add(found)
    damaged = pending.path(blocks[0]).with_name(f"5-{'ab' * 32}.block")
    damaged.write_bytes(b"cut")
    assert pending.load() == blocks[::-1]
    for found in blocks:
        pending.remove(found)
    assert pending.load() == []
    assert damaged.exists()


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence comes before anything is mined that could not be kept."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UnavailableError, match="set XDG_STATE_HOME"):
        default_directory()
