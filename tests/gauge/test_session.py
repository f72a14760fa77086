"""The server's side of the conversation, line by line and with a clock of the tests' own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.pool import double_sha256
from harness.stratum_client import Submission, header_of
from hashjoule.gauge.account import Fault
from hashjoule.gauge.book import GRACE_S
from hashjoule.gauge.roster import Ending, Roster
from hashjoule.gauge.session import MOST_REQUESTS, MOST_WORTHLESS, HangUpError, Session
from hashjoule.gauge.work import JOB_VERSION, NBITS
from hashjoule.stratum.jobs import swap_words

EASY = 2.0**-24
"""A difficulty at which a share takes 256 hashes."""


class Talk:
    """A session, and what it has said."""

    def __init__(self, roster: Roster | None = None, host: str = "10.0.0.1") -> None:
        self.roster = roster or Roster(Ending(seconds=600.0), EASY)
        self.said: list[dict[str, Any]] = []
        self.now_s = 0.0
        session, _ = self.roster.connect(host, self._hear, 0.0)
        assert session
        self.session: Session = session
        self._numbers = iter(range(1, 1 << 30))

    def _hear(self, lines: bytes) -> None:
        self.said += [json.loads(line) for line in lines.splitlines()]

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        number = next(self._numbers)
        line = json.dumps({"id": number, "method": method, "params": list(params)}).encode()
        self.session.receive(line, self.now_s)
        return next(message for message in self.said if message.get("id") == number)

    def start(self, mask: str | None = "ffffffff", user: str = "alice.1") -> Talk:
        """Say hello."""
        if mask:
            self.ask("mining.configure", ["version-rolling"], {"version-rolling.mask": mask})
        result = self.ask("mining.subscribe", "tests/1")["result"]
        self.extranonce1, self.extranonce2_size = result[1], result[2]
        assert self.ask("mining.authorize", user, "x")["result"] is True
        return self

    @property
    def job(self) -> list[Any]:
        """The parameters of the last job."""
        jobs: list[list[Any]] = [said["params"] for said in self.said if said.get("method") == "mining.notify"]
        return jobs[-1]

    def find(self, *, share: bool = True, time: int = 0, bits: str | None = "00000000") -> Submission:
        """Search a share, or a hash that is none."""
        for nonce in range(1 << 32):
            found = Submission(
                self.job[0], "00" * self.extranonce2_size, f"{int(self.job[7], 16) + time:08x}", f"{nonce:08x}", bits
            )
            header = header_of(self.job, self.extranonce1, found, 0x1FFFE000)
            if (int.from_bytes(double_sha256(header), "little") * EASY <= 0xFFFF << 208) == share:
                return found
        raise AssertionError("no share")

    def submit(self, share: Submission) -> str:
        """Hand in a share; return why it does not count, or nothing."""
        answer = self.ask("mining.submit", *share.params("alice.1"))
        assert (answer["result"] is True) == (answer["error"] is None)
        return str(answer["error"][1]) if answer["error"] else ""

    @property
    def rejected(self) -> dict[Fault, int]:
        """Shares that do not count, by reason."""
        assert self.session.channel
        return dict(self.session.channel.account.rejected)


def test_the_hello_of_a_miner_with_version_rolling() -> None:
    """Whatever mask it asks for, it gets BIP 320's part of it; then eight bytes of extranonce2, difficulty, a job."""
    talk = Talk()
    for asked, got in (("ffffffff", "1fffe000"), ("0000e000", "0000e000")):
        answer = talk.ask("mining.configure", ["version-rolling", "info"], {"version-rolling.mask": asked})
        assert answer["result"] == {"version-rolling": True, "version-rolling.mask": got, "info": False}
    assert talk.ask("mining.configure", ["subscribe-extranonce"], {})["result"] == {"subscribe-extranonce": True}
    _, extranonce1, size = talk.ask("mining.subscribe", "bitaxe/BM1370/v2.12.0")["result"]
    assert (len(extranonce1), size) == (8, 8)
    assert talk.ask("mining.authorize", "anybody", "anything")["result"] is True
    methods = [message["method"] for message in talk.said if "method" in message]
    assert methods == ["mining.set_difficulty", "mining.notify"]
    for method in ("mining.suggest_difficulty", "mining.extranonce.subscribe"):
        assert talk.ask(method, 1000)["result"] is True
    assert talk.ask("mining.ping")["result"] == "pong"
    assert talk.ask("client.get_version")["result"].startswith("hashjoule/")


def test_the_hello_of_a_plain_miner() -> None:
    """Neither configure nor a name of its own are needed."""
    talk = Talk()
    assert talk.ask("mining.subscribe")["result"][2] == 8
    assert talk.ask("mining.authorize", "x")["result"] is True
    assert talk.job


def test_jobs_look_real_and_never_come_twice() -> None:
    """Version bits at 0, an unreachable target, the present time, a well-formed coinbase with height and output."""
    talk = Talk().start()
    _, prev_hash, start, end, branch, version, nbits, _, clean = talk.job
    assert (int(version, 16), int(nbits, 16), clean) == (JOB_VERSION, NBITS, True)
    coinbase = bytes.fromhex(start + talk.extranonce1 + "00" * 8 + end)
    script = coinbase[42 : 42 + coinbase[41]]
    assert coinbase[:4] == b"\x01\0\0\0"
    assert script[:4] == bytes([3]) + (921_000).to_bytes(3, "little")
    assert script[4] == 12
    assert len(script) == 4 + 1 + 12
    outputs = coinbase[42 + len(script) + 4 :]
    assert outputs[0] == 1
    assert int.from_bytes(outputs[1:9], "little") == 312_500_000
    assert len(outputs) == 1 + 8 + 1 + outputs[9] + 4
    seen = {(prev_hash, branch[0])}
    for second in range(30, 3000, 30):
        talk.roster.tick(float(second))
        seen.add((talk.job[1], talk.job[4][0]))
    assert len(seen) == 100
    assert len(swap_words(bytes.fromhex(prev_hash))) == 32


def test_two_connections_never_search_the_same_space() -> None:
    """Each has an extranonce1 of its own."""
    roster = Roster(Ending(seconds=600.0), EASY)
    assert len({Talk(roster).start().extranonce1 for _ in range(200)}) == 200


def test_jobs_come_every_half_minute_and_clean_ones_every_five() -> None:
    """As the clock of the run says."""
    talk = Talk().start()
    for tick in range(1, 4 * 700):
        talk.now_s = tick / 4
        talk.roster.tick(talk.now_s)
    jobs = [message["params"] for message in talk.said if message.get("method") == "mining.notify"]
    assert len(jobs) == 1 + 700 // 30
    assert [number for number, job in enumerate(jobs) if job[8]] == [0, 10, 20]


def test_a_good_share_counts_once() -> None:
    """The second time it is a duplicate."""
    talk = Talk().start()
    share = talk.find()
    assert talk.submit(share) == ""
    assert talk.submit(share) == "duplicate"
    assert talk.rejected == {"duplicate": 1}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"job": "ffff"}, "unknown job"),
        ({"job": ""}, "unknown job"),
        ({"extranonce2": "00" * 7}, "malformed"),
        ({"extranonce2": "00" * 9}, "malformed"),
        ({"extranonce2": "zz" * 8}, "malformed"),
        ({"nonce": "123456789"}, "malformed"),
        ({"nonce": "-1"}, "malformed"),
        ({"bits": "ffffffff"}, "version bits outside the mask"),
        ({"bits": "00001000"}, "version bits outside the mask"),
        ({"time": "00000000"}, "time out of range"),
        ({"time": "ffffffff"}, "time out of range"),
    ],
)
def test_shares_that_do_not_count_are_counted_by_reason(change: dict[str, str], fault: Fault) -> None:
    """One field is wrong in each."""
    talk = Talk().start()
    assert talk.submit(talk.find()._replace(**change)) == fault
    assert talk.rejected == {fault: 1}


def test_a_hash_above_the_target_is_a_hardware_error() -> None:
    """Even if it misses by a hair: the difficulty of the job decides."""
    talk = Talk().start()
    assert talk.submit(talk.find(share=False)) == "above target"
    assert talk.rejected == {"above target": 1}


@pytest.mark.parametrize("params", [[], ["user"], [1, 2, 3, 4, 5], {"a": 1}, None, "text"])
def test_parameters_of_another_form_are_malformed(params: Any) -> None:
    """Whatever stands in their place."""
    talk = Talk().start()
    talk.session.receive(json.dumps({"id": 99, "method": "mining.submit", "params": params}).encode(), 1.0)
    assert talk.rejected == {"malformed": 1}
    assert talk.said[-1]["error"][1] == "malformed"


def test_the_time_may_lie_two_hours_off() -> None:
    """And not a second more."""
    talk = Talk().start()
    assert talk.submit(talk.find(time=7200)) == ""
    assert talk.submit(talk.find(time=-7200)) == ""
    assert talk.submit(talk.find(time=7201)) == "time out of range"


def test_version_bits_are_rolled_inside_the_mask() -> None:
    """The job's own bits are 0, so BIP 310's bits and ESP-Miner's difference are the same number."""
    talk = Talk().start()
    assert talk.submit(talk.find(bits="1fffe000")) == ""
    assert talk.submit(talk.find(bits="00002000")) == ""
    assert talk.session.channel
    assert talk.session.channel.rolled


def test_version_bits_without_configure_do_not_count() -> None:
    """Unless they are 0, which changes nothing."""
    talk = Talk().start(mask=None)
    assert talk.submit(talk.find()) == ""
    assert talk.submit(talk.find(bits="00002000")) == "version bits outside the mask"


def test_stale_shares() -> None:
    """A share of an earlier job counts until ten seconds after a clean one."""
    talk = Talk().start()
    early, late = talk.find(), talk.find(time=1)
    talk.now_s = 300.0
    talk.roster.tick(300.0)
    talk.now_s = 300.0 + GRACE_S
    assert talk.submit(early) == ""
    talk.now_s += 0.1
    assert talk.submit(late) == "stale"


def test_a_share_of_another_connection_does_not_count() -> None:
    """Its header has another extranonce1 here, so another hash."""
    roster = Roster(Ending(seconds=600.0), EASY)
    one, other = Talk(roster).start(), Talk(roster, "10.0.0.2").start()
    faults = {other.submit(one.find(time=second)) for second in range(5)}
    assert "above target" in faults


def test_a_miner_with_little_room_gets_a_shorter_extranonce() -> None:
    """One that sends four bytes where eight were offered is sent away, and gets four when it comes back."""
    roster = Roster(Ending(seconds=600.0), EASY)
    talk = Talk(roster).start()
    with pytest.raises(HangUpError, match="four"):
        talk.submit(talk.find()._replace(extranonce2="00" * 4))
    again = Talk(roster).start()
    assert again.extranonce2_size == 4
    assert again.submit(again.find()) == ""


def test_unknown_methods_get_an_error() -> None:
    """With the id of the request."""
    answer = Talk().start().ask("mining.get_transactions", "1")
    assert answer["error"][0] == 20
    assert "mining.get_transactions" in answer["error"][1]


def test_the_order_of_the_hello_matters() -> None:
    """A share before a name, and a name before subscribe, get an error."""
    talk = Talk()
    assert talk.ask("mining.authorize", "x", "y")["error"][0] == 25
    assert talk.ask("mining.submit", "x", "1", "00" * 8, "0", "0")["error"][0] == 24


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"1", b"\xff\xfe", b"{" * 10_000, b"[" * 10_000, b"GET / HTTP/1.1"])
def test_garbage_ends_the_connection(line: bytes) -> None:
    """One line of it."""
    with pytest.raises(HangUpError, match="not Stratum"):
        Talk().session.receive(line, 0.0)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("mining.subscribe", ["a"]),
        ("mining.submit", ["x"]),
        ("mining.ping", []),
        ("no.method", []),
        ("mining.configure", 1),
    ],
)
def test_endless_requests_end_the_connection(method: str, params: Any) -> None:
    """Two hundred, and one a second."""
    talk = Talk()
    line = json.dumps({"id": 1, "method": method, "params": params}).encode()
    for _ in range(MOST_REQUESTS + 60):
        talk.session.receive(line, 60.0)
    with pytest.raises(HangUpError, match="too many requests"):
        talk.session.receive(line, 60.0)


def test_endless_worthless_shares_end_the_connection() -> None:
    """A thousand in a row; a good one between them begins a new row."""
    talk = Talk().start()
    worthless = Submission("ffff", "00" * 8, "0", "0")
    for _ in range(MOST_WORTHLESS - 1):
        talk.submit(worthless)
    assert talk.submit(talk.find()) == ""
    for _ in range(MOST_WORTHLESS - 1):
        talk.submit(worthless)
    with pytest.raises(HangUpError, match="do not count"):
        talk.submit(worthless)
    assert talk.rejected == {"unknown job": 2 * MOST_WORTHLESS - 1}


def test_further_workers_of_a_proxy_belong_to_the_first() -> None:
    """Their names are taken, their shares count for the connection's miner."""
    talk = Talk().start()
    assert talk.ask("mining.authorize", "bob.2", "x")["result"] is True
    assert talk.ask("mining.submit", *talk.find().params("bob.2"))["result"] is True
    assert list(talk.roster.miners) == [("10.0.0.1", "tests/1", "alice.1")]
