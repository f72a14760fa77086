"""The pool client without a network: what it makes of each line, and the byte orders of jobs and shares."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pool import ServedJob, TestPool
from hashjoule.check import known_blocks
from hashjoule.job import BIP320_MASK, Hit
from hashjoule.mine.pools.client import PoolClient, PoolError
from hashjoule.mine.pools.work import Fate, PoolJob, Share, ShareVerdict, work_units
from hashjoule.stratum.difficulty import DIFFICULTY_1_TARGET
from hashjoule.stratum.messages import Reconnect

BLOCK_170 = next(block.header for block in known_blocks() if block.name == "main-170")
BLOCK_170_NOTIFY = [
    "b170",
    "0a84bd55d08a7978683f85da183d4f97dbd12b3e1f2c846a2a22cfee00000000",
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff07",
    "0102ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac625da6f07"
    "18e7b302140434bd725706957c092db53805b821a85b23a7ac61725bac00000000",
    ["169e1e83e930853391bc6f35f605c6754cfead57cf8387639d3b4096c54f18f4"],
    "00000001",
    "1d00ffff",
    "496ab951",
    True,
]
"""Mainnet's block 170, of two transactions, as a pool would have sent it: its coinbase's script is 04ffff001d0102, of
which 04ffff is the extranonce1 here and 001d the extranonce2."""


class Talk:
    """A client and the pool's side of the conversation, line by line."""

    def __init__(self, mask: int = 0, extranonce1: str = "f000000f", size: int = 4) -> None:
        self.heard: list[ShareVerdict | str] = []
        self.client = PoolClient("pool:1", "alice", "secret", self.heard.append, mask)
        self.extranonce1, self.size = extranonce1, size
        self.asked = self.read(self.client.begin())

    @staticmethod
    def read(lines: bytes) -> list[dict[str, Any]]:
        """Return what the client sends."""
        return [json.loads(line) for line in lines.splitlines()]

    def say(self, message: Any) -> list[dict[str, Any]]:
        """Send a line to the client; return what it answers."""
        return self.read(self.client.receive(json.dumps(message).encode()))

    def tell(self, method: str, *params: Any) -> list[dict[str, Any]]:
        """Send a notification."""
        return self.say({"id": None, "method": method, "params": params})

    def answer(self, result: Any, error: Any = None) -> list[dict[str, Any]]:
        """Answer the client's latest request."""
        replies = self.say({"id": self.asked[-1]["id"], "result": result, "error": error})
        self.asked += [reply for reply in replies if "method" in reply]
        return replies

    def configured(self) -> Talk:
        """Answer mining.configure, if the client has sent it."""
        if self.asked[-1]["method"] == "mining.configure":
            self.answer({"version-rolling": True, "version-rolling.mask": f"{BIP320_MASK:08x}"})
        return self

    def welcome(self) -> Talk:
        """Answer everything up to the first job."""
        self.configured().answer([[["mining.notify", "x"]], self.extranonce1, self.size])
        self.answer(True)
        return self

    def send_job(self, job_id: str = "1", clean: bool = True, **fields: Any) -> PoolJob:
        """Send a job; return it as the client has it."""
        self.tell("mining.notify", *made(job_id, **fields).params(clean))
        return self.current

    @property
    def current(self) -> PoolJob:
        """The job that is to be searched."""
        assert self.client.job
        return self.client.job

    def submit(self, share: Share) -> list[dict[str, Any]]:
        """Submit a share; return what the client sends."""
        return self.read(self.client.submit(share))


def made(job_id: str = "1", **fields: Any) -> ServedJob:
    """Return a job that is the same for the same arguments."""
    made = ServedJob(job_id, bytes(range(32)), b"start", b"end", [bytes([7]) * 32], time=1_700_000_000)
    made.__dict__ |= fields
    return made


def first_share(job: PoolJob, nonce: int = 0) -> Share:
    """Return a share of the job. At the difficulties of these tests any header is one."""
    return next(work_units(job, 64, count())).share(Hit(job.job.version, nonce))


def easy(talk: Talk) -> Talk:
    """Set a difficulty at which any hash is a share."""
    talk.tell("mining.set_difficulty", 1e-300)
    return talk


def test_a_real_block_from_a_job() -> None:
    """The header made from the job is block 170's, and with its nonce it has that block's hash."""
    talk = Talk(extranonce1="04ffff", size=2).welcome()
    talk.tell("mining.notify", *BLOCK_170_NOTIFY)
    header = talk.current.job.header(bytes.fromhex("001d"))
    assert replace(header, nonce=BLOCK_170.nonce) == BLOCK_170
    share = Share(talk.current, bytes.fromhex("001d"), BLOCK_170)
    assert share.header.hash()[::-1].hex() == "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee"
    assert share.solves_block
    (line,) = talk.submit(share)
    assert line["method"] == "mining.submit"
    assert line["params"] == ["alice", "b170", "001d", "496ab951", "709e3e28"]
    assert BLOCK_170.nonce == 0x709E3E28


def test_the_pool_of_the_tests_builds_the_same_header() -> None:
    """Two programs that share no code agree on random jobs."""
    pool = TestPool()
    for _ in range(20):
        theirs = pool.make_job(version=random.getrandbits(32), time=random.getrandbits(32))
        talk = Talk().welcome()
        talk.tell("mining.notify", *theirs.params(True))
        extranonce = bytes.fromhex("f000000f") + b"abcd"
        header = talk.current.job.header(b"abcd")
        assert header.pack() == theirs.header(extranonce, theirs.version, theirs.time, 0)


def test_the_welcome() -> None:
    """The client subscribes, authorizes, and asks for extranonce changes; the first job is then current."""
    talk = Talk()
    assert talk.asked[0]["method"] == "mining.subscribe"
    (authorize,) = talk.answer([[], "00", 4])
    assert (authorize["method"], authorize["params"]) == ("mining.authorize", ["alice", "secret"])
    talk.tell("mining.notify", *made().params(True))
    assert talk.client.job is None
    assert [line["method"] for line in talk.answer(True)] == ["mining.extranonce.subscribe"]
    assert talk.current.job.id == "1"


def test_a_job_before_all_answers_is_kept() -> None:
    """Some pools send a job before they have answered everything."""
    talk = Talk()
    talk.tell("mining.notify", *made().params(True))
    talk.welcome()
    assert talk.current.job.id == "1"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (False, None, "does not accept user alice; check --user and HASHJOULE_POOL_PASSWORD"),
        (None, [24, "Unauthorized\n\x1b[31mworker", None], "user alice (Unauthorized [31mworker); check"),
        (None, None, "does not accept user alice;"),
    ],
)
def test_a_user_that_the_pool_does_not_know(answer: Any, error: Any, words: str) -> None:
    """The sentence has the pool's reason and not the password."""
    talk = Talk()
    talk.answer([[], "00", 4])
    with pytest.raises(PoolError) as caught:
        talk.answer(answer, error)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_first_difficulty_counts_at_once_and_later_ones_for_the_next_job() -> None:
    """Before the first one, the difficulty is 1."""
    talk = Talk().welcome()
    assert talk.send_job("1").job.target == DIFFICULTY_1_TARGET
    talk.tell("mining.set_difficulty", 2)
    assert talk.current.job.target == DIFFICULTY_1_TARGET // 2
    talk.tell("mining.set_difficulty", 4)
    assert talk.current.job.target == DIFFICULTY_1_TARGET // 2
    assert talk.send_job("2").job.target == DIFFICULTY_1_TARGET // 4


def test_which_jobs_end_the_earlier_ones() -> None:
    """A clean job does, and one with the id of another; shares of the rest still count."""
    talk = easy(Talk().welcome())
    old = first_share(talk.send_job("1"))
    talk.send_job("2", clean=False)
    assert talk.submit(old)
    talk.send_job("2", clean=False, version=5)
    assert not talk.submit(first_share(PoolJob(old.source.job, old.source.interval, 0, "", 0), 1))
    old = first_share(talk.current)
    talk.send_job("3", clean=True)
    assert not talk.submit(old)
    assert talk.heard == [
        ShareVerdict(share, "stale", "its job was gone before it was sent") for share in talk_stale(talk)
    ]
    assert len(talk.heard) == 2


def talk_stale(talk: Talk) -> list[Share]:
    """Return the shares of the verdicts so far."""
    return [verdict.share for verdict in talk.heard if isinstance(verdict, ShareVerdict)]


def test_the_same_job_again_changes_nothing() -> None:
    """The search of a job that is sent twice is not restarted."""
    talk = Talk().welcome()
    job = talk.send_job("1")
    assert talk.send_job("1") is job
    assert talk.send_job("1", clean=False) is job


def test_another_extranonce_counts_from_the_next_job_which_ends_all_earlier_ones() -> None:
    """This follows the Bitcoin wiki."""
    talk = easy(Talk().welcome())
    old = first_share(talk.send_job("1"))
    talk.tell("mining.set_extranonce", "aabb", 2)
    assert talk.current.job.extranonce2_size == 4
    assert talk.submit(old)
    new = talk.send_job("2", clean=False).job
    assert (new.coinbase_start, new.extranonce2_size) == (b"start\xaa\xbb", 2)
    assert not talk.submit(Share(old.source, b"next", old.header))


def test_version_rolling_is_asked_first_and_only_if_wanted() -> None:
    """Bits that the pool allows beyond those that we asked for are ignored (BIP 310)."""
    talk = Talk(mask=BIP320_MASK)
    assert talk.asked[0]["params"] == [
        ["version-rolling"],
        {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 1},
    ]
    talk.answer({"version-rolling": True, "version-rolling.mask": "ff00E000"})
    easy(talk.welcome()).send_job("1", version=0x20000000 | 0x2000)
    assert talk.current.mask == 0x1F00E000
    unit = next(work_units(talk.current, 64, count()))
    assert len(unit.job.versions) == 64
    assert all((v ^ 0x20002000) & ~0x1F00C000 == 0 for v in unit.job.versions)
    (line,) = talk.submit(unit.share(Hit(unit.job.versions[3], 1)))
    assert line["params"][5] == f"{unit.job.versions[3] & 0x1F00E000:08x}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"version-rolling": False}, None),
        ({"version-rolling": "not today"}, None),
        ({"version-rolling": True}, None),
        ({"version-rolling": True, "version-rolling.mask": "00000000"}, None),
        ({"version-rolling": True, "version-rolling.mask": "e0001fff"}, None),
        (None, [20, "Unknown method", None]),
        (False, None),
        (None, None),
    ],
)
def test_a_pool_that_refuses_the_mask(answer: Any, error: Any) -> None:
    """However the pool refuses, a sentence names the option to leave out."""
    talk = Talk(mask=BIP320_MASK)
    with pytest.raises(PoolError, match=r"does not allow version rolling.*; leave out --roll-version"):
        talk.answer(answer, error)


def test_another_mask_counts_at_once() -> None:
    """It applies to the search and to shares found before it; an empty mask ends rolling."""
    talk = easy(Talk(mask=BIP320_MASK).welcome())
    unit = next(work_units(talk.send_job("1"), 64, count()))
    talk.tell("mining.set_version_mask", "00006000")
    assert talk.current.mask == 0x6000
    assert talk.current.interval is unit.source.interval
    fits, not_any_more = (unit.share(Hit(version, 0)) for version in (unit.job.versions[3], unit.job.versions[4]))
    assert talk.submit(fits)[0]["params"][5] == "00006000"
    assert not talk.submit(not_any_more)
    talk.tell("mining.set_version_mask", "00000000")
    plain = next(work_units(talk.current, 64, count()))
    assert plain.job.versions == (talk.current.job.version,)
    assert talk.submit(plain.share(Hit(talk.current.job.version, 9)))[0]["params"][5] == "00000000"


def test_a_mask_that_was_not_asked_for_is_passed_over() -> None:
    """Without mining.configure, shares have five parameters."""
    talk = easy(Talk().welcome())
    talk.tell("mining.set_version_mask", "1fffe000")
    assert talk.send_job("1").mask == 0
    assert len(talk.submit(first_share(talk.current))[0]["params"]) == 5


def search_space(job: PoolJob, versions: int, n: int) -> list[tuple[bytes, int, int]]:
    """Return extranonce2, seconds and number of versions of the first work units."""
    return [
        (unit.extranonce2, unit.seconds, len(unit.job.versions))
        for unit in islice(work_units(job, versions, count()), n)
    ]


def test_an_extranonce2_of_no_bytes_leaves_versions_and_time() -> None:
    """A job then has one coinbase: all versions come first, then the next second."""
    talk = Talk(mask=0xE000, size=0).configured().welcome()
    assert search_space(talk.send_job("1"), 3, 7) == [
        (b"", 0, 3), (b"", 0, 3), (b"", 0, 2), (b"", 1, 3), (b"", 1, 3), (b"", 1, 2), (b"", 2, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 16])
def test_extranonces_come_before_the_time(size: int) -> None:
    """Each extranonce2 is used once; 256 of one byte, and then comes the next second."""
    space = search_space(Talk(size=size).welcome().send_job("1"), 1, 300)
    assert len(set(space)) == 300
    assert {len(extranonce2) for extranonce2, _, _ in space} == {size}
    assert [seconds for _, seconds, _ in space] == [0] * (256 if size == 1 else 300) + [1] * (44 if size == 1 else 0)


def test_the_headers_of_a_job_differ() -> None:
    """They differ in coinbase, version or time."""
    job = Talk(mask=0x6000, size=1).configured().welcome().send_job("1")
    tried = [
        (unit.job.header, version)
        for unit in islice(work_units(job, 3, count(5)), 600)
        for version in unit.job.versions
    ]
    assert len(set(tried)) == len(tried)
    assert tried[0][0].time == job.job.time


@pytest.mark.parametrize(
    ("error", "fate", "reason"),
    [
        ([21, "Job not found", None], "stale", "Job not found"),
        ([23, "Low difficulty share", None], "rejected", "Low difficulty share"),
        ({"code": 22, "message": "Duplicate"}, "rejected", "Duplicate"),
        ("Stale share", "stale", "Stale share"),
        ([20], "rejected", "error 20"),
        ([20, {"a": 1}], "rejected", "{'a': 1}"),
        (7, "rejected", "7"),
        (None, "rejected", "no reason given"),
    ],
)
def test_reasons_of_rejections(error: Any, fate: Fate, reason: str) -> None:
    """Pools send an error as a list, an object or a string."""
    talk = easy(Talk().welcome())
    share = first_share(talk.send_job("1"))
    (line,) = talk.submit(share)
    talk.say({"id": line["id"], "result": None, "error": error})
    assert talk.heard == [ShareVerdict(share, fate, reason)]


def test_verdicts_reach_their_share_in_any_order() -> None:
    """Answers with unknown ids and second answers are ignored; at the end the rest is unanswered."""
    talk = easy(Talk().welcome())
    shares = [first_share(talk.send_job("1"), nonce) for nonce in range(3)]
    ids = [talk.submit(share)[0]["id"] for share in shares]
    for number in (ids[1], ids[1], 999, "1", None, 1.5):
        talk.say({"id": number, "result": True, "error": None})
    assert talk.client.unanswered == 2
    assert talk.client.unanswered_s > 0
    talk.client.end()
    assert talk.heard == [
        ShareVerdict(shares[1], "accepted"),
        ShareVerdict(shares[0], "unanswered"),
        ShareVerdict(shares[2], "unanswered"),
    ]
    assert talk.client.job is None


def test_a_header_that_is_no_share_is_not_sent() -> None:
    """The target is checked once more before sending."""
    talk = Talk().welcome()
    share = first_share(talk.send_job("1"))
    assert not talk.submit(share)
    assert talk.heard == [ShareVerdict(share, "rejected", "hashlib does not confirm it; it was not sent")]


def test_twenty_rejections_in_a_row_are_enough() -> None:
    """An accepted share starts the count again; a stale one does not count."""
    talk = easy(Talk().welcome())

    def judge(nonce: int, result: Any, error: Any = None) -> None:
        (line,) = talk.submit(first_share(talk.current, nonce))
        talk.say({"id": line["id"], "result": result, "error": error})

    talk.send_job("1")
    for nonce in range(19):
        judge(nonce, False)
    judge(19, True)
    judge(20, None, [21, "Stale", None])
    for nonce in range(19):
        judge(nonce, False)
    with pytest.raises(PoolError, match=r"rejects our shares \(bad\); check --user"):
        judge(99, None, [20, "bad", None])


def test_questions_of_the_pool_are_answered() -> None:
    """The answer has the request's id, of whatever type."""
    talk = Talk().welcome()
    assert talk.say({"id": 42, "method": "mining.ping", "params": []}) == [{"id": 42, "result": "pong", "error": None}]
    (version,) = talk.say({"id": "v", "method": "client.get_version"})
    assert version["id"] == "v"
    assert version["result"].startswith("hashjoule/")
    assert talk.say({"id": 7, "method": "mining.something_new", "params": {"a": [1]}}) == []


def test_messages_are_shown_on_one_line_and_not_for_ever() -> None:
    """Twenty messages are shown, without control characters."""
    talk = Talk().welcome()
    for _ in range(1000):
        talk.tell("client.show_message", "hello\n\x1b[31m" + "x" * 1000)
    assert len(talk.heard) == 20
    assert all(isinstance(said, str) and said.isprintable() and len(said) < 300 for said in talk.heard)


@pytest.mark.parametrize(
    ("params", "reconnect"),
    [
        ([], Reconnect()),
        (None, Reconnect()),
        (["host", 3333, 5], Reconnect("host", 3333, 5)),
        (["host", "3333", "5", "more"], Reconnect("host", "3333", "5")),
    ],
)
def test_reconnect(params: Any, reconnect: Reconnect) -> None:
    """All parameters are optional, and numbers may be strings."""
    talk = Talk().welcome()
    talk.say({"id": None, "method": "client.reconnect", "params": params})
    assert talk.client.reconnect == reconnect


def notify_with(index: int, value: Any) -> Callable[[Talk], Any]:
    """Return an action that sends a job with one bad field."""

    def say(talk: Talk) -> None:
        params = made().params(True)
        params[index] = value
        talk.tell("mining.notify", *params)

    return say


FORBIDDEN: dict[str, Callable[[Talk], Any]] = {
    "no JSON": lambda talk: talk.client.receive(b"hello\n"),
    "half a line": lambda talk: talk.client.receive(b'{"id": 1, "meth'),
    "two on a line": lambda talk: talk.client.receive(b'{"id": 1} {"id": 2}'),
    "no object": lambda talk: talk.say([1, 2]),
    "no UTF-8": lambda talk: talk.client.receive(b'{"id": "\xff"}'),
    "an id of another type": lambda talk: talk.say({"id": [1]}),
    "deep": lambda talk: talk.client.receive(b'{"params":' + b"[" * 100_000),
    "deep and closed": lambda talk: talk.client.receive(b'{"error":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "difficulty 0": lambda talk: talk.tell("mining.set_difficulty", 0),
    "difficulty -1": lambda talk: talk.tell("mining.set_difficulty", -1),
    "difficulty 1e300": lambda talk: talk.tell("mining.set_difficulty", 1e300),
    "difficulty 1e999": lambda talk: talk.client.receive(b'{"method":"mining.set_difficulty","params":[1e999]}'),
    "difficulty NaN": lambda talk: talk.client.receive(b'{"method":"mining.set_difficulty","params":[NaN]}'),
    "difficulty as text": lambda talk: talk.tell("mining.set_difficulty", "1"),
    "no difficulty": lambda talk: talk.tell("mining.set_difficulty"),
    "extranonce2 size -1": lambda talk: talk.tell("mining.set_extranonce", "00", -1),
    "extranonce2 size 1000": lambda talk: talk.tell("mining.set_extranonce", "00", 1000),
    "an odd extranonce1": lambda talk: talk.tell("mining.set_extranonce", "000", 4),
    "a long extranonce1": lambda talk: talk.tell("mining.set_extranonce", "00" * 101, 4),
    "a mask of another kind": lambda talk: talk.tell("mining.set_version_mask", 0x1FFFE000),
    "an empty job": lambda talk: talk.tell("mining.notify"),
    "a job id that is none": notify_with(0, 1),
    "an endless job id": notify_with(0, "x" * 1000),
    "a short previous hash": notify_with(1, "00" * 31),
    "a coinbase that is no hex": notify_with(2, "zz"),
    "an odd coinbase": notify_with(3, "000"),
    "a branch that is none": notify_with(4, ["00"]),
    "an endless branch": notify_with(4, ["00" * 32] * 33),
    "a version that is none": notify_with(5, "123456789"),
    "an impossible target": notify_with(6, "00000000"),
    "a negative target": notify_with(6, "04800001"),
    "a time that is none": notify_with(7, -1),
    "clean that is none": notify_with(8, "yes"),
}


@pytest.mark.parametrize("say", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_no_pool_may_say_ends_the_session(say: Callable[[Talk], Any]) -> None:
    """One printable sentence names the pool."""
    talk = Talk().welcome()
    talk.send_job("0")
    with pytest.raises(PoolError, match=r"pool:1 does not speak Stratum V1 \(.*\); check --pool") as caught:
        say(talk)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


WELCOMES: dict[str, Any] = {
    "null": None,
    "a text": "hello",
    "too short": [[], "00"],
    "a size of text": [[], "00", "4"],
    "size -1": [[], "00", -1],
    "size 101": [[], "00", 101],
    "an extranonce1 that is none": [[], None, 4],
}


@pytest.mark.parametrize("answer", WELCOMES.values(), ids=WELCOMES)
def test_answers_to_subscribe_that_are_none(answer: Any) -> None:
    """Each ends with one sentence."""
    with pytest.raises(PoolError, match="does not speak Stratum V1"):
        Talk().answer(answer)


def test_a_refused_subscription() -> None:
    """The sentence has the pool's reason."""
    with pytest.raises(PoolError, match=r"refuses the subscription \(full\)"):
        Talk().answer(None, [20, "full", None])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["00", "1fffe000", "00" * 32]),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
METHODS = st.sampled_from(
    ["mining.notify", "mining.set_difficulty", "mining.set_extranonce", "mining.set_version_mask", "mining.ping",
     "client.reconnect", "client.show_message", "client.get_version", "else", None, 5]
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"id": st.none() | st.integers(1, 6) | JSON},
    optional={"method": METHODS, "params": JSON | st.just(made("9").params(False)), "result": JSON, "error": JSON},
)


@given(
    st.lists(st.binary(max_size=50) | MESSAGES.map(lambda message: json.dumps(message).encode()), max_size=8),
    st.booleans(),
)
def test_no_line_does_harm(lines: list[bytes], welcome: bool) -> None:
    """Any line, at any step, gives bytes to send or a PoolError. What remains can still be searched and submitted."""
    talk = easy(Talk(mask=BIP320_MASK).welcome()) if welcome else Talk(mask=BIP320_MASK)
    if welcome:
        talk.submit(first_share(talk.send_job("1")))
    with suppress(PoolError):
        for line in lines:
            talk.read(talk.client.receive(line))
            if talk.client.job:
                unit = next(work_units(talk.client.job, 4, count()))
                talk.submit(unit.share(Hit(unit.job.versions[-1], 1)))
    talk.client.end()
