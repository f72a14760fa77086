"""Mining at pools: every share is correct, unique and of a current job, whatever the pools do meanwhile."""

from __future__ import annotations

import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

from harness.bitcoind import free_port
from harness.mining import ShareRun
from harness.pool import Client, Reply, TestPool, running
from hashjoule.errors import HashjouleError, UsageError
from hashjoule.job import Header, Hit, Job
from hashjoule.mine.pools import connections, endpoint, sockets
from hashjoule.mine.pools.connections import PoolConnections
from hashjoule.mine.pools.url import POOL_PASSWORD_VARIABLE, PoolUrl
from tests.fakes import spec_of

SHARES = 30


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pauses short."""
    monkeypatch.setattr(endpoint, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(endpoint, "LONGEST_PAUSE_SECONDS", 0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait only briefly for the first job."""
    monkeypatch.setattr(connections, "FIRST_JOB_SECONDS", 0.5)


@pytest.fixture
def pool() -> Iterator[TestPool]:
    """Run a pool that behaves."""
    with running(TestPool()) as pool:
        yield pool


def check(pool: TestPool, run: ShareRun) -> None:
    """Check what must hold after any run: no share was wrong or came twice, and both sides count the same.

    A share that was on its way when a clean job came is stale, which is nobody's fault.
    """
    assert {share.fault for share in pool.bad} <= {"stale"}
    headers = [share.header for share in pool.good]
    assert len(set(headers)) == len(headers)
    accepted = [result for result in run.report.shares if result.fate == "accepted"]
    assert len(accepted) <= len(headers)
    assert {result.hash for result in accepted} <= {Header.parse(h).hash()[::-1].hex() for h in headers}
    assert run.miner.stats.accepted == len(accepted)
    assert {result.fate for result in run.report.shares} <= {"accepted", "stale", "unanswered"}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("roll_version", [False, True])
def test_every_share_is_good(pool: TestPool, threads: int, roll_version: bool) -> None:
    """The pool accepts every share, plain and rolled, from one thread and from several."""
    with ShareRun(pool, threads=threads, roll_version=roll_version).started() as run:
        pool.wait_for_shares(SHARES)
        pool.new_job()
        pool.wait_for_shares(SHARES)
    check(pool, run)
    assert run.miner.stats.accepted >= SHARES
    bits = {share.version_bits for share in pool.good}
    assert len(bits) > 5 if roll_version else bits == {None}
    assert run.miner.stats.pool_hashrate_hs > 0


def test_all_hits_of_a_search_become_shares(pool: TestPool) -> None:
    """The shares of the first extranonce2 are exactly the hits that hashlib finds."""
    pool.difficulty = 1e-7
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(200)
    check(pool, run)
    merkle_root = Header.parse(pool.good[0].header).merkle_root
    headers = [Header.parse(share.header) for share in pool.good]
    tried = max(header.nonce for header in headers if header.merkle_root == merkle_root) // 2
    found = {header.nonce for header in headers if header.merkle_root == merkle_root and header.nonce < tried}
    first = headers[0]
    expected = {
        nonce
        for nonce in range(tried)
        if Header(first.version, first.prev_hash, merkle_root, first.time, first.nbits, nonce).meets(
            int((0xFFFF << 208) / 1e-7)
        )
    }
    assert found == expected


@pytest.mark.parametrize("size", [0, 1, 16])
def test_extranonces_of_every_size(size: int) -> None:
    """Without extranonce2 bytes the nonce and version are left; no header is searched twice."""
    with running(TestPool(extranonce2_size=size)) as pool, ShareRun(pool, roll_version=True).started() as run:
        pool.wait_for_shares(SHARES)
        with pool.lock:
            for client in pool.clients:
                client.tell("mining.set_version_mask", "00006000")
        pool.wait_for_shares(SHARES)
    check(pool, run)


def test_no_share_of_an_old_job_comes_after_one_of_a_new_one(pool: TestPool) -> None:
    """With clean jobs in quick succession, no share of an old job follows a share of a new one."""
    with ShareRun(pool, threads=2).started() as run:
        for _ in range(20):
            pool.new_job()
            pool.wait_for_shares(3)
    order = [share.job for share in pool.shares]
    assert [job for i, job in enumerate(order) if i == 0 or order[i - 1] != job] == sorted(set(order), key=order.index)
    assert {share.fault for share in pool.bad} <= {"stale"}
    assert run.miner.stats.accepted >= 20


def test_jobs_that_are_not_clean_leave_earlier_shares_good(pool: TestPool) -> None:
    """No share of an earlier job is lost or stale after a job that is not clean."""
    with ShareRun(pool, threads=2).started() as run:
        for _ in range(20):
            pool.new_job(clean=False)
            pool.wait_for_shares(2)
    check(pool, run)
    assert run.miner.stats.fates["stale"] == 0


def test_a_difficulty_counts_from_the_next_job_on(pool: TestPool) -> None:
    """Raised or lowered, each difficulty applies to the shares of the jobs after it."""
    with ShareRun(pool).started() as run:
        for difficulty in (1e-5, 1e-6, 3e-6):
            pool.wait_for_shares(5)
            pool.difficulty = difficulty
            pool.say("mining.set_difficulty", difficulty)
            pool.wait_for_shares(5)
            new = pool.new_job(clean=False).id
            pool.wait(lambda new=new: pool.shares[-1].job == new)  # type: ignore[misc]
        pool.wait_for_shares(5)
    check(pool, run)
    assert {1e-6, 1e-5, 3e-6} == {float(f"{result.difficulty:.6g}") for result in run.report.shares}


def test_a_new_extranonce1(pool: TestPool) -> None:
    """A new extranonce1 applies from the next job on."""
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(5)
        pool.set_extranonce1(random.randbytes(6))
        pool.wait_for_shares(5)
        pool.new_job()
        pool.wait_for_shares(5)
    assert {share.fault for share in pool.bad} <= {"stale"}
    assert run.miner.stats.accepted > 10


def test_blocks_are_told_from_shares() -> None:
    """A share that meets the network's target is reported as a block."""
    with running(TestPool(nbits=0x207FFFFF)) as pool, ShareRun(pool).started() as run:
        pool.wait_for_shares(5)
    assert all(result.block for result in run.report.shares)
    assert run.miner.stats.blocks == run.miner.stats.accepted > 0


def test_rejections_are_counted_by_reason(pool: TestPool) -> None:
    """The run counts the pool's reasons and goes on."""
    answers = iter([[20, "bad luck", None], [21, "late", None], "why", [20, "bad luck", None]])

    def refuse(client: Client, message: dict[str, Any]) -> None:
        error = next(answers, None)
        client.answer(message, error is None, error)

    pool.replies["mining.submit"] = refuse
    with ShareRun(pool).started() as run:
        pool.wait(lambda: run.miner.stats.accepted > 3)
    assert run.miner.stats.reasons == {"bad luck": 2, "why": 1}
    assert (run.miner.stats.fates["rejected"], run.miner.stats.fates["stale"]) == (3, 1)


def test_shares_that_nobody_answers_are_counted_and_do_not_stop_the_end(
    pool: TestPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends in time even if so many shares are unanswered that the search waits."""
    monkeypatch.setattr(connections, "MAX_UNANSWERED", 16)
    pool.replies["mining.submit"] = lambda client, message: pool.shares.append(pool.judge(client, *message["params"]))
    with ShareRun(pool, threads=2).started() as run:
        pool.wait(lambda: len(pool.shares) == 16)
    assert run.miner.stats.fates == {"unanswered": 16}


def silent(client: Client, message: dict[str, Any]) -> None:
    """Do not answer."""


def hangs_up(client: Client, message: dict[str, Any]) -> None:
    """Close the connection."""
    client.hang_up()


def says(line: bytes) -> Reply:
    """Return a reply that sends this line."""
    return lambda client, message: client.send_raw(line)


STEPS = ["mining.configure", "mining.subscribe", "mining.authorize"]
MISBEHAVIOUR: dict[str, tuple[Reply, str]] = {
    "silence": (silent, "accepts connections but sends no"),
    "hanging up": (hangs_up, "closed the connection|broke the connection"),
    "garbage": (says(b"\x00\xff\x80 garbage\n"), "does not speak Stratum V1"),
    "HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak Stratum V1"),
    "half a line": (says(b'{"id": 1, "resu'), "accepts connections but sends no"),
    "10 MB": (says(b"[" * 10_000_000), "sends lines of over 1 MB"),
    "deep": (says(b'{"id": 1, "result": ' + b"[" * 100_000 + b"\n"), "does not speak Stratum V1"),
    "wrong types": (says(b'{"id": 1, "method": 5}\n'), "does not speak Stratum V1"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("reply", "words"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_misbehaviour_at_every_step(
    pool: TestPool, step: str, reply: Reply, words: str, request: pytest.FixtureRequest
) -> None:
    """The run ends with one sentence, and no thread or connection is left."""
    if "sends no" in words:
        request.getfixturevalue("impatient")  # only where time must run out: a slow machine is not misbehaviour
    pool.replies[step] = reply
    before = threading.active_count()
    assert re.search(words, ShareRun(pool, roll_version=True).failure())
    pool.wait(lambda: not pool.clients)
    pool.wait(lambda: threading.active_count() <= before)


@pytest.mark.parametrize(("reply", "words"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_misbehaviour_in_mid_search_is_survived(
    pool: TestPool, reply: Reply, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run reconnects, and all later shares are accepted."""
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    pool.replies["mining.submit"] = reply
    with ShareRun(pool).started() as run:
        pool.wait(lambda: pool.connections >= 2, "did not come back")
        pool.replies.clear()
        pool.wait_for_shares(SHARES)
    check(pool, run)


def test_a_pool_that_says_nothing_any_more_is_left(pool: TestPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that stays connected and sends nothing is disconnected after a while."""
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    pool.difficulty = 1e9
    with ShareRun(pool).started() as run:
        pool.wait(lambda: pool.connections >= 2, "did not come back")
    assert any("has said nothing for" in said for said in run.report.said)


def test_a_pool_that_does_not_answer_shares_is_left(pool: TestPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that sends jobs and does not answer shares is disconnected after a while."""
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    pool.replies["mining.submit"] = silent
    with ShareRun(pool).started() as run:
        pool.wait(lambda: pool.connections >= 2 or not pool.new_job(clean=False), "did not come back")
    assert any("does not answer shares" in said for said in run.report.said)


def test_a_flood_of_jobs_does_no_harm(pool: TestPool) -> None:
    """After thousands of jobs at once, the last one is searched."""
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(1)
        with pool.lock:
            for i in range(5_000):
                pool.job = pool.make_job()
                pool.clients[0].notify(pool.job, clean=i % 2 == 0)
        last = pool.job.id
        pool.wait(lambda: pool.shares[-1].job == last, "the last job was not searched")
    assert {share.fault for share in pool.bad} <= {"stale"}
    assert run.miner.stats.accepted


def test_a_flood_of_lines_does_not_hold_up_the_end(pool: TestPool) -> None:
    """A stop is quick while a pool sends the same line without end."""
    flood = b'{"id":null,"method":"mining.set_difficulty","params":[1]}\n' * 1_000
    ended = threading.Event()
    with ShareRun(pool).started():
        pool.wait_for_shares(1)
        client = pool.clients[0]

        def send() -> None:
            while not ended.is_set() and client in pool.clients:
                client.send_raw(flood)

        thread = threading.Thread(target=send)
        thread.start()
    ended.set()
    thread.join(30)
    assert not thread.is_alive()


def test_an_absurdly_low_difficulty(pool: TestPool) -> None:
    """When every hash is a share, only as many are sent as the pool answers, each once."""
    pool.difficulty = 1e-15
    with ShareRun(pool, threads=2).started() as run:
        pool.wait_for_shares(2_000)
    check(pool, run)


def test_a_job_twice_is_not_searched_twice(pool: TestPool) -> None:
    """A job that is sent again, at once or after others, brings no share twice."""
    with ShareRun(pool).started() as run:
        for _ in range(5):
            pool.wait_for_shares(5)
            job = pool.job
            pool.new_job(clean=False)
            with pool.lock:
                pool.clients[0].notify(job, clean=False)
    check(pool, run)


def test_a_share_is_not_sent_twice_after_a_reconnection(monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds even if the pool sends the same extranonce1 and job again and only the nonce can vary."""
    monkeypatch.setattr(connections, "MAX_UNANSWERED", 2)
    with running(TestPool(extranonce2_size=0)) as pool:
        subscribe = pool._mining_subscribe

        def same(client: Client, message: dict[str, Any]) -> None:
            client.extranonce1 = b"same"
            subscribe(client, message)

        pool.replies["mining.subscribe"] = same
        with ShareRun(pool).started() as run:
            pool.wait_for_shares(5)
            pool.clients[0].hang_up()
            pool.wait(lambda: pool.connections == 2)
            pool.wait_for_shares(5)
        check(pool, run)


def test_two_miners_with_one_extranonce1_search_different_headers(pool: TestPool) -> None:
    """Two miners behind a proxy that gives all the same extranonce1 send no share twice."""

    def same(client: Client, message: dict[str, Any]) -> None:
        client.extranonce1 = b"same"
        pool._mining_subscribe(client, message)

    pool.replies["mining.subscribe"] = same
    with ShareRun(pool).started() as one, ShareRun(pool).started() as other:
        pool.wait(lambda: min(one.miner.stats.accepted, other.miner.stats.accepted) > 20)
    assert {share.fault for share in pool.bad} <= {"stale"}


class Quick:
    """A backend that finishes all nonces at once, and notes when it searched which time."""

    def __init__(self) -> None:
        self.times: list[tuple[int, float]] = []

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """Find nothing."""
        self.times.append((job.header.time, time.monotonic()))
        return []


def test_the_time_of_a_job_moves_on_no_faster_than_the_clock() -> None:
    """When nonces and versions are used up and there is no extranonce2, the search waits for the clock."""
    backend, began = Quick(), time.monotonic()
    with running(TestPool(extranonce2_size=0)) as pool:
        run = ShareRun(pool)
        run.miner._backend = backend
        with run.started():
            pool.wait(lambda: any(at == pool.job.time + 1 for at, _ in backend.times))
    assert all(at - pool.job.time <= when - began for at, when in backend.times)


def test_backends_that_err_are_found_out(pool: TestPool) -> None:
    """A hit that hashlib does not confirm is counted and never sent."""

    class Liar:
        def scan(self, job: Any, first_nonce: int, count: int) -> list[Hit]:
            return [Hit(job.versions[0], first_nonce)]

    run = ShareRun(pool)
    run.miner._backend, run.miner._spec = Liar(), spec_of(Liar())
    with run.started():
        pool.wait(lambda: run.miner.stats.wrong_hits > 3)
    assert pool.bad == []


def test_the_next_pool_in_order_and_back() -> None:
    """The second pool is mined at while the first is away, and the first again when it is back."""
    first, second = TestPool(port=free_port()), TestPool()
    with running(second), ShareRun(first, second).started() as run:
        second.wait_for_shares(5)
        with running(first):
            first.wait_for_shares(5)
            second.wait(lambda: not second.clients)
        after = len(second.shares)
        second.wait(lambda: len(second.shares) > after)
    assert run.report.said[0] == f"nothing listens at 127.0.0.1:{first.port}; check --pool"
    visits = [said for said in run.report.said if said.startswith("mining at")]
    assert visits == [f"mining at 127.0.0.1:{port}" for port in (second.port, first.port, second.port)]
    assert {share.fault for share in first.bad + second.bad} <= {"stale"}


def test_pools_that_refuse_are_passed_over() -> None:
    """A pool that rejects the password and one without version rolling are skipped for the third."""
    strict, old, good = TestPool(users={}), TestPool(allowed_mask=0), TestPool()
    with running(strict), running(old), running(good):
        with ShareRun(strict, old, good, roll_version=True).started() as run:
            good.wait_for_shares(3)
        assert "does not accept user alice" in run.report.said[0]
        assert "does not allow version rolling" in run.report.said[1]
        check(good, run)


def test_a_pool_that_failed_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a pool waits for its next try, the others are used."""
    monkeypatch.setattr(endpoint, "FIRST_PAUSE_SECONDS", 600.0)
    strict, second, third = TestPool(users={}), TestPool(), TestPool()
    with running(strict), running(second), running(third), ShareRun(strict, second, third).started():
        second.wait_for_shares(1)
        second.clients[0].hang_up()
        third.wait_for_shares(1)
    assert (strict.connections, second.connections, third.connections) == (1, 1, 1)


def test_a_pool_that_hangs_up_at_first_contact_is_tried_again(pool: TestPool) -> None:
    """A pool may be restarting, so a few broken connections are tolerated."""

    def subscribe(client: Client, message: dict[str, Any]) -> None:
        client.hang_up() if pool.connections < 4 else pool._mining_subscribe(client, message)

    pool.replies["mining.subscribe"] = subscribe
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(3)
    check(pool, run)
    assert pool.connections == 4


def test_no_pool_at_all() -> None:
    """At first contact the run ends with a sentence for each pool."""
    with running(TestPool(users={})) as strict:
        run = ShareRun(strict, PoolUrl("127.0.0.1", free_port()))
        message = run.failure()
    assert "does not accept user alice; check --user" in message
    assert "; nothing listens at" in message


def test_pools_that_stay_away_are_given_up(pool: TestPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long time the run ends and says what is wrong with each pool."""
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.5)
    run = ShareRun(pool)
    run._thread.start()
    pool.wait_for_shares(1)
    pool.replies["mining.subscribe"] = hangs_up
    pool.clients[0].hang_up()
    run._thread.join(30)
    assert isinstance(run.error, HashjouleError)
    assert "without a pool: " in str(run.error)


def test_a_reconnection_to_the_same_pool(pool: TestPool) -> None:
    """client.reconnect works without parameters and with another port of the same host."""
    with running(TestPool()) as other, ShareRun(pool).started():
        pool.wait_for_shares(2)
        pool.say("client.reconnect")
        pool.wait(lambda: pool.connections == 2)
        pool.wait_for_shares(2)
        pool.say("client.reconnect", "127.0.0.1", str(other.port), 0)
        other.wait_for_shares(2)
    assert {share.fault for share in pool.bad + other.bad} <= {"stale"}


def test_a_reconnection_to_another_host_needs_leave(pool: TestPool) -> None:
    """Another host is used only with follow_reconnect; otherwise the connection stays."""
    with running(TestPool()) as other:
        with ShareRun(pool).started() as run:
            pool.wait_for_shares(2)
            pool.say("client.reconnect", "localhost", other.port, 0)
            pool.wait_for_shares(20)
        assert pool.connections == 1
        assert f"127.0.0.1:{pool.port} sends its miners to localhost; see --follow-reconnect" in run.report.said
        assert other.connections == 0
        with ShareRun(pool, follow_reconnect=True).started():
            pool.wait_for_shares(2)
            pool.say("client.reconnect", "localhost", other.port, 0)
            other.wait_for_shares(2)


@pytest.mark.parametrize(
    "params", [["127.0.0.1", 0, 0], ["127.0.0.1", 70_000, 0], ["", "x", 0], ["", 1, -1], ["", 1, "nan"]]
)
def test_reconnections_to_nowhere(pool: TestPool, params: list[Any]) -> None:
    """After parameters that make no sense, the pool is tried again at its own URL."""
    with ShareRun(pool).started():
        pool.wait_for_shares(2)
        pool.say("client.reconnect", *params)
        pool.wait(lambda: pool.connections == 2)
        pool.wait_for_shares(2)


def test_a_reconnection_to_where_nobody_listens(pool: TestPool) -> None:
    """After a failed redirection, the pool is tried again at its own URL."""
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(2)
        pool.say("client.reconnect", "127.0.0.1", port := free_port(), 0)
        pool.wait(lambda: pool.connections == 2)
    assert f"nothing listens at 127.0.0.1:{port}; check --pool" in run.report.said


def test_a_loop_of_reconnections_ends(pool: TestPool) -> None:
    """A pool that sends its miners around before the first job ends the run."""
    pool.replies["mining.subscribe"] = lambda client, message: client.tell("client.reconnect")
    assert "sends its miners round and round" in ShareRun(pool).failure()
    assert pool.connections <= 7


@contextmanager
def certificate(name: str, monkeypatch: pytest.MonkeyPatch, trusted: bool) -> Iterator[ssl.SSLContext]:
    """Make a server's certificate for a name, from an authority that is trusted or not."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with authority.cert_pem.tempfile() as path:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", path)
        yield context


def test_tls_with_a_good_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate from an authority that SSL_CERT_FILE names is accepted."""
    with (
        certificate("localhost", monkeypatch, trusted=True) as context,
        running(TestPool(), context) as pool,
        ShareRun(PoolUrl("localhost", pool.port, tls=True)).started() as run,
    ):
        pool.wait_for_shares(SHARES)
    check(pool, run)


@pytest.mark.parametrize(
    ("name", "trusted", "words"), [("localhost", False, "certificate"), ("a.example", True, "localhost")]
)
def test_tls_with_a_bad_certificate(name: str, trusted: bool, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate from an unknown authority, or for another name, is refused."""
    with certificate(name, monkeypatch, trusted) as context, running(TestPool(), context) as pool:
        message = ShareRun(PoolUrl("localhost", pool.port, tls=True)).failure()
    assert "the certificate of localhost" in message
    assert words in message
    assert "SSL_CERT_FILE" in message


def test_tls_where_there_is_none(pool: TestPool) -> None:
    """TLS with a pool that does not speak it ends with a sentence."""
    pool.replies[""] = says(b"what?\n")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b'{"id":null,"result":null,"error":"what?"}\n')

        thread = threading.Thread(target=answer)
        thread.start()
        message = ShareRun(PoolUrl("127.0.0.1", server.getsockname()[1], tls=True)).failure()
        thread.join()
    assert "does not speak TLS; try stratum+tcp://" in message


def test_a_name_that_nobody_knows() -> None:
    """A host that cannot be resolved ends the run with a sentence."""
    assert ShareRun(PoolUrl("pool.invalid", 3333)).failure() == "pool.invalid:3333 has no known address; check --pool"


@pytest.mark.usefixtures("impatient")
def test_a_port_that_accepts_and_says_nothing() -> None:
    """The sentence names the answer that is missing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        message = ShareRun(PoolUrl("127.0.0.1", server.getsockname()[1])).failure()
    assert "accepts connections but sends no answer to mining.subscribe; check --pool" in message


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is "x" unless the variable is set, and it is never shown."""
    for password in ("x", "s3cret"):
        if password != "x":
            monkeypatch.setenv(POOL_PASSWORD_VARIABLE, password)
        with running(TestPool(users={"alice": password})) as pool, ShareRun(pool).started() as run:
            pool.wait_for_shares(1)
        assert not any("s3cret" in said for said in run.report.said)


def test_dead_connections_are_found_by_the_system(pool: TestPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP's keep-alive is on."""
    on: list[int] = []
    keep_alive = sockets.keep_alive

    def look(sock: socket.socket) -> None:
        keep_alive(sock)
        on.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    monkeypatch.setattr(sockets, "keep_alive", look)
    with ShareRun(pool).started():
        pool.wait_for_shares(1)
    assert on == [1]


def test_a_stop_before_the_first_word() -> None:
    """A run can be stopped while a pool has not said anything yet."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShareRun(PoolUrl("127.0.0.1", server.getsockname()[1])).started(),
    ):
        pass


def test_what_was_sent_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch, pool: TestPool) -> None:
    """Only the latest shares are remembered."""
    monkeypatch.setattr(connections, "MAX_REMEMBERED", 10)
    with ShareRun(pool).started() as run:
        pool.wait_for_shares(50)
    assert len(run.miner._pools._sent) == 10


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pool.example:3333",
        "http://pool.example:3333",
        "stratum+tcp://pool.example",
        "stratum+tcp://:3333",
        "stratum+tcp://pool.example:0",
        "stratum+tcp://pool.example:99999",
        "stratum+tcp://pool.example:3333/x",
        "stratum+tcp://[::1",
        "stratum+udp://pool.example:3333",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    """A malformed URL is refused with an example of a good one."""
    with pytest.raises(UsageError, match=r"must look like stratum\+tcp://pool.example:3333 or"):
        PoolUrl.parse(url)


@pytest.mark.parametrize("url", ["stratum+tcp://a:s3cret@pool.example:3333", "stratum+tcp://s3cret@pool.example:3333"])
def test_urls_with_a_user(url: str) -> None:
    """A URL with a user is refused without being repeated."""
    with pytest.raises(UsageError, match="must hold no user and no password; use --user") as caught:
        PoolUrl.parse(url)
    assert "s3cret" not in str(caught.value)


def test_urls() -> None:
    """Both schemes are read, in any case, with IPv6 too."""
    assert PoolUrl.parse("stratum+tcp://Pool.Example:3333/") == PoolUrl("pool.example", 3333)
    assert PoolUrl.parse("STRATUM+SSL://[::1]:3334") == PoolUrl("::1", 3334, tls=True)
    assert str(PoolUrl("::1", 1)) == "[::1]:1"


def test_the_end_of_a_connection_that_never_began() -> None:
    """Ending right after starting is safe."""
    pools = PoolConnections([PoolUrl("127.0.0.1", free_port())], "alice", lambda: None)
    pools.start()
    pools.end()
    assert not pools._thread.is_alive()
