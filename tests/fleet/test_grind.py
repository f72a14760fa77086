"""`grind --dask` on real clusters searches every range, in spite of lost workers, pauses and restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.bitcoind import free_port
from hashjoule import __version__
from hashjoule.fleet.grind import ClusterSearch, WrongSolutionError
from hashjoule.fleet.ranges import Problem
from hashjoule.job import Header
from tests.conftest import CommandLine
from tests.fleet.cluster import RANGE_S, Cluster, cluster, listening, outcome, until
from tests.fleet.lazy import RATE_HS
from tests.support import headers

GENESIS = headers()[0]
UNSOLVED = GENESIS.header[:76].hex() + "00000000"
RANGE = int(RATE_HS * RANGE_S)
"""Nonces of a range of a lazy worker."""
FAST = {"OVERDUE_SECONDS": 1.0, "OVERDUE_FACTOR": 1.0}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster of two workers, shared by tests that do not harm it."""
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """Start a scheduler for one test, without workers."""
    with cluster(tmp_path) as made:
        yield made


def times_searched(made: Cluster, start: int, count: int) -> Counter[int]:
    """Return how many positions were searched how many times, according to the workers' diaries."""
    marks = Counter[int]()
    for _, _, first, size in made.scanned():
        marks[max(first, start)] += 1
        marks[min(first + size, start + count)] -= 1
    searched, depth, last = Counter[int](), 0, start
    for at in sorted({*marks, start, start + count}):
        searched[depth] += at - last
        depth, last = depth + marks[at], at
    del searched[0]
    assert depth == 0
    return searched if sum(searched.values()) == count else searched + Counter({0: count - sum(searched.values())})


def test_a_planted_solution_is_found(fleet: Cluster) -> None:
    """A real backend finds it. Stdout has the solved header and nothing else; soon after, the workers are idle."""
    code, out, err = outcome(fleet.call("grind", UNSOLVED, "--start", str(GENESIS.nonce - 5_000_000)))
    assert (code, out) == (0, GENESIS.header.hex() + "\n"), err
    busy = [psutil.Process(worker.pid) for worker in fleet.workers]
    until(lambda: max(process.cpu_percent(0.3) for process in busy) < 50, what="the workers' rest")


def test_rolled_versions_are_shared_out(fleet: Cluster) -> None:
    """Without a solution, every version is tried with every nonce once, and the exit code is 1."""
    before = len(fleet.scanned())
    arguments = ["--count", "2000", "--version-mask", "00ffe000", "--backend", "lazy", "--start", "4294966296"]
    code, out, err = outcome(fleet.call("grind", UNSOLVED, *arguments))
    assert (code, out) == (1, ""), err
    tried = Counter[tuple[int, int]]()
    for _, version, first, count in fleet.scanned()[before:]:
        tried.update((version, (first + i) % 2**32) for i in range(count))
    assert set(tried.values()) == {1}
    assert len(tried) == 2000 * 2**11 // 16, "lazy takes 16 versions at a time"
    assert "searched 4,096,000 of 4,096,000 hashes" in err


def test_a_hit_withdraws_the_ranges_of_others(fleet: Cluster) -> None:
    """The first worker finds the nonce in the middle of its range; the other's range is not searched to its end."""
    before = len(fleet.scanned())
    start = GENESIS.nonce - RANGE
    code, out, _ = outcome(fleet.call("grind", UNSOLVED, "--backend", "lazy", "--start", str(start)))
    assert (code, out) == (0, GENESIS.header.hex() + "\n")
    searched = sum(count for _, _, _, count in fleet.scanned()[before:])
    assert searched < 6 * RANGE, "two ranges in flight for each of two workers were not all searched"


def test_the_ranges_of_a_killed_worker_are_searched_by_others(own: Cluster) -> None:
    """After kill -9 in the middle of a range, that range is searched again and all others once."""
    own.start_workers(3)
    process = own.call("grind", UNSOLVED, "--backend", "lazy", "--count", str(32 * RANGE))
    until(lambda: len({pid for pid, *_ in own.scanned()}) == 3, what="a search on each worker")
    own.workers[0].kill()
    code, out, err = outcome(process)
    assert (code, out) == (1, ""), err
    assert "its ranges go to other workers" in err
    searched = times_searched(own, 0, 32 * RANGE)
    assert searched[0] == 0
    assert searched[1] > 28 * RANGE, "only the two ranges that the dead worker had may be searched twice"
    assert f"searched {32 * RANGE:,} of {32 * RANGE:,} hashes" in err


def test_a_paused_worker_holds_nobody_up(own: Cluster) -> None:
    """Dask does not notice SIGSTOP. Overdue ranges go to other workers, and late answers are not counted again."""
    own.start_workers(2)
    process = own.call("grind", UNSOLVED, "--backend", "lazy", "--count", str(32 * RANGE), grind=FAST)
    until(lambda: len({pid for pid, *_ in own.scanned()}) == 2, what="a search on each worker")
    own.workers[0].send_signal(signal.SIGSTOP)
    assert process.stderr
    line = process.stderr.readline()
    assert "its ranges go to other workers" in line
    own.workers[0].send_signal(signal.SIGCONT)
    code, out, err = outcome(process)
    assert (code, out) == (1, ""), err
    assert f"searched {32 * RANGE:,} of {32 * RANGE:,} hashes" in err
    assert "ranges overdue" in err
    assert times_searched(own, 0, 32 * RANGE)[0] == 0


@pytest.mark.parametrize("noticed", [True, False])
def test_a_restarted_scheduler_is_found_again(own: Cluster, tmp_path: Path, noticed: bool) -> None:
    """The scheduler restarts at its address with new workers: the search goes on, and no range is repeated.

    One that is back before the command looks is found by Dask's own client, and nothing needs to be said.
    """
    old = own.start_workers(1)
    state = str(tmp_path / "state")
    arguments = ["grind", UNSOLVED, "--backend", "lazy", "--count", str(16 * RANGE), "--state", state]
    process = own.call(*arguments)
    until(lambda: done(state) > RANGE, what="some ranges")
    assert own.scheduler
    own.scheduler.kill()
    own.scheduler.wait()
    for worker in old:
        worker.kill()
    if noticed:
        assert process.stderr
        assert "lost the connection to the scheduler" in process.stderr.readline()
    own.start_scheduler()
    own.start_workers(1)
    code, out, err = outcome(process)
    assert (code, out) == (1, ""), err
    assert not noticed or "the scheduler is back" in err
    searched = times_searched(own, 0, 16 * RANGE)
    assert searched[0] == 0
    assert searched[2] <= 3 * RANGE
    assert done(state) == 16 * RANGE


def done(state: str) -> int:
    """Return the positions that are done according to a state file."""
    return sum(b - a for a, b in json.loads(Path(state).read_text())["done"]) if Path(state).exists() else 0


def test_a_scheduler_that_stays_away_ends_the_search(own: Cluster, tmp_path: Path) -> None:
    """The command ends with one sentence and exit code 3, and the state file holds the progress."""
    own.start_workers(1)
    state = str(tmp_path / "state")
    arguments = ["grind", UNSOLVED, "--backend", "lazy", "--count", str(400 * RANGE), "--state", state]
    process = own.call(*arguments, grind={"PATIENCE_SECONDS": 2.0}, cluster={"CONNECT_SECONDS": 1.0})
    until(lambda: done(state), what="a range")
    assert own.scheduler
    own.scheduler.kill()
    code, out, err = outcome(process)
    assert (code, out) == (3, "")
    assert f"progress is saved in {state}: run the same command to continue" in err.splitlines()[-1]
    assert done(state) > 0


def test_a_killed_client_is_resumed(fleet: Cluster, tmp_path: Path) -> None:
    """After kill -9 of the command, its workers stop; the same command, run again, searches the rest."""
    state, start, count = str(tmp_path / "state"), 1_000_000_000, 16 * RANGE
    arguments = ["grind", UNSOLVED, "--backend", "lazy", "--start", str(start), "--count", str(count), "--state", state]
    process = fleet.call(*arguments)
    until(lambda: done(state) > 2 * RANGE, what="some ranges")
    process.kill()
    process.communicate()
    kept = done(state)
    code, out, err = outcome(fleet.call(*arguments))
    assert (code, out) == (1, ""), err
    assert done(state) == count
    searched = times_searched(fleet, start, count)
    assert searched[0] == 0
    assert searched[2] <= count - kept
    nothing = f"no solution among {count:,} nonces from {start}; try more nonces\n"
    assert outcome(fleet.call(*arguments)) == (1, "", nothing), "all is done: nothing is searched"


def test_a_found_solution_is_kept(fleet: Cluster, tmp_path: Path) -> None:
    """The state of a solved search gives the solution again, at once."""
    state = str(tmp_path / "state")
    near = ["grind", UNSOLVED, "--start", str(GENESIS.nonce - 1000), "--state", state]
    assert outcome(fleet.call(*near))[:2] == (0, GENESIS.header.hex() + "\n")
    searched = len(fleet.scanned())
    assert outcome(fleet.call(*near))[:2] == (0, GENESIS.header.hex() + "\n")
    assert len(fleet.scanned()) == searched


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_keeps_the_state(fleet: Cluster, tmp_path: Path) -> None:
    """Ctrl-C ends the command with exit code 130 and without a traceback."""
    state = str(tmp_path / "state")
    process = fleet.call("grind", UNSOLVED, "--backend", "lazy", "--target", "2", "--state", state)
    until(lambda: done(state), what="a range")
    process.send_signal(signal.SIGINT)
    code, out, err = outcome(process)
    assert (code, out) == (130, "")
    assert "ranges in this run" in err


def test_clusters_that_cannot_be_used_are_told_before_anything_is_searched(own: Cluster) -> None:
    """Without workers or with mixed versions, one sentence names the worker and both versions; the exit code is 3."""
    search = ["grind", UNSOLVED, "--backend", "lazy", "--count", str(RANGE)]
    for arguments in (search, ["bench"]):
        code, out, err = outcome(own.call(*arguments))
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "has no workers" in err
    own.start_workers(1)
    own.start_workers(1, {"HASHJOULE_TEST_HOST": "old", "HASHJOULE_TEST_VERSION": "0.0.1"}, preload="tests.fleet.host")
    code, out, err = outcome(own.call(*search))
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert f"(old): it runs hashjoule 0.0.1, this is {__version__}" in err
    assert own.scanned() == []


def test_bad_input_is_one_sentence(fleet: Cluster, hashjoule: CommandLine, tmp_path: Path) -> None:
    """Malformed addresses or files and conflicting options end with exit code 2 or 3 and nothing on stdout."""
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "odd.json").write_text('{"address": "gopher://x"}')
    for arguments, code, says in [
        (["--dask", "ftp://x:1"], 2, "is not a Dask address"),
        (["--dask", "tcp://host"], 2, "is not a Dask address"),
        (["--dask", str(tmp_path / "empty.json")], 2, "names no address"),
        (["--dask", str(tmp_path / "odd.json")], 2, "no usable address"),
        (["--dask", str(tmp_path)], 3, "cannot be read"),
        (["--dask", str(tmp_path / "none.json")], 3, "there is no scheduler file"),
        (["--dask", fleet.address, "--backend", "abacus"], 2, "no backend 'abacus'"),
        (["--dask", fleet.address, "--max-launch-ms", "5"], 2, "leave it out with --dask"),
        (["--dask", fleet.address, "--state", str(tmp_path / "none" / "state")], 2, "cannot be saved"),
        (["--state", "x"], 2, "it goes with --dask"),
    ]:
        got = hashjoule("grind", UNSOLVED, *arguments)
        assert (got[0], got[1]) == (code, ""), got
        assert says in got[2]
        assert got[2].count("\n") == 1


def test_who_is_no_scheduler_is_told(hashjoule: CommandLine) -> None:
    """A closed port, a silent one, or another kind of server: one sentence within seconds, and exit code 3."""
    for arguments in (["grind", UNSOLVED], ["bench"]):
        code, out, err = hashjoule(*arguments, "--dask", f"127.0.0.1:{free_port()}")
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "no Dask scheduler answers" in err
    for answer in (None, b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20):
        with listening(answer) as address:
            code, out, err = hashjoule("grind", UNSOLVED, "--dask", address)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "Dask scheduler" in err


def test_a_backend_that_no_worker_has(fleet: Cluster, hashjoule: CommandLine) -> None:
    """The command ends with exit code 3 and the workers' reason."""
    code, out, err = hashjoule("grind", UNSOLVED, "--dask", fleet.address, "--backend", "opencl:gpu:none")
    assert (code, out) == (3, "")
    assert "no worker that can be used: there is no backend" in err


def test_a_backend_that_kills_every_worker_ends_the_search(own: Cluster) -> None:
    """The search ends however often Dask's nannies restart the workers."""
    own.start_workers(3, {"HASHJOULE_LAZY_CRASH": "1"})
    process = own.call("grind", UNSOLVED, "--backend", "lazy", grind={"HOPELESS_LOSSES": 3})
    code, out, err = outcome(process)
    assert (code, out) == (3, ""), err
    assert "3 workers died before one range was searched" in err


def test_a_worker_that_lies_is_left_out() -> None:
    """A hit that hashlib denies, or outside the range, does not count, and the range is searched again."""
    header = Header.parse(GENESIS.header)
    search = ClusterSearch("127.0.0.1:1", Problem(header, GENESIS.target, None, 0, 1000))
    part = search.ledger.take(1000)
    assert part
    with pytest.raises(WrongSolutionError):
        search._answered("worker", part, {"hit": (GENESIS.version, 5), "exhausted": False})
    with pytest.raises(WrongSolutionError):
        search._answered("worker", part, {"hit": (GENESIS.version, GENESIS.nonce), "exhausted": False})
    assert search.ledger.done_size == 0
    search._answered("worker", part, {"hit": None, "exhausted": True, "hashes": 1000, "seconds": 0.1})
    search._answered("worker", part, {"hit": None, "exhausted": True, "hashes": 1000, "seconds": 0.1})
    assert "searched 1,000 of 1,000 hashes" in search.summary()
    assert "1,000 hashes searched twice and counted once" in search.summary()


def test_without_dask_nothing_of_it_is_imported() -> None:
    """Without --dask, neither Dask nor `hashjoule.fleet` is imported, though both are installed."""
    code = f"""
import sys
from hashjoule import cli
cli.run(["grind", "{UNSOLVED}", "--count", "10"])
cli.run(["bench", "--backend", "c:portable", "--mode", "plain", "--threads", "1", "--seconds", "0.01"])
heavy = {{"dask", "distributed", "tornado", "hashjoule.fleet", "asyncio"}} & set(sys.modules)
sys.exit(str(heavy) if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_dask_that_is_not_installed_is_told() -> None:
    """The sentence says what to install; the exit code is 3."""
    code = f"""
import sys
sys.modules["distributed"] = None
from hashjoule import cli
sys.exit(cli.run(["grind", "{UNSOLVED}", "--dask", "127.0.0.1:8786"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "pip install 'hashjoule[fleet]'" in done.stderr
