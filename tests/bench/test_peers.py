"""Measuring other programs: by their output and CPU time, whether or not they end by themselves."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench import peers
from bench.peers import Peer, Ran, found_peers, known_peers, printed_rate
from hashjoule import check
from hashjoule.benchmark.measurement import Measurement
from hashjoule.hardware import ONE_CORE
from hashjoule.job import Hit, Job
from tests.fakes import spec_of

MINER = """
import time
while True:
    began = time.thread_time()
    while time.thread_time() - began < 0.02:
        pass
    print("[2026-01-01 00:00:00] thread 0: 2097152 hashes, 12500 khash/s", flush=True)
"""
"""Prints rates as pooler's minerd does, and never ends. Source: pooler/cpuminer, cpu-miner.c, miner_thread."""


def test_a_peer_without_a_time_limit_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """minerd mines until it is interrupted; its last printed rate counts, over its CPU time."""
    monkeypatch.setattr(peers, "SECONDS", 1.0)
    minerd = next(peer for peer in known_peers(None) if peer.name == "minerd")
    assert not minerd.ends
    assert "--time-limit" not in minerd.arguments
    ran = peers.run(replace(minerd, program=sys.executable, arguments=["-c", MINER]), limit_s=60)
    assert ran.wall_s < 30
    assert 0 < ran.cpu_s <= 1.1 * ran.wall_s
    assert minerd.rate(ran) == pytest.approx(12.5e6 * ran.wall_s / ran.cpu_s)


def test_a_peer_that_hangs_is_killed() -> None:
    """One that should end by itself and ignores its limit does not hold up the others."""
    hanging = Peer("x", sys.executable, ["-c", "import time; time.sleep(600)"], printed_rate("()()"))
    assert peers.run(hanging, limit_s=0.2).output == ""


def test_a_peer_that_ends_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No signal reaches a program that knows its own limit."""
    monkeypatch.setattr(peers, "SECONDS", 0.0)
    ending = Peer("x", sys.executable, ["-c", "import time; time.sleep(0.3); print('Benchmark: 5 MH/s')"], str)  # type: ignore[arg-type]
    assert "5 MH/s" in peers.run(ending, limit_s=60).output


def test_builds_of_a_peer_are_named(tmp_path: Path) -> None:
    """Several builds of one program are measured side by side."""
    places = {"minerd:gcc": str(tmp_path / "a"), "minerd:clang": str(tmp_path / "b")}
    found = [peer for peer in found_peers(known_peers(None), places) if peer.name.startswith("minerd")]
    assert [(peer.name, peer.program) for peer in found] == list(places.items())
    assert printed_rate(r"([\d.]+) ([kMG]?)H/s")(Ran("no rate", 1.0, 1.0)) is None


class Elsewhere:
    """Does its work in a thread of its own, as an OpenCL runtime does, while the caller waits."""

    def scan(self, job: Job, first_nonce: int, count: int) -> list[Hit]:
        """See `Backend.scan`."""
        from threading import Thread

        def work() -> None:
            began = time.thread_time()
            while time.thread_time() - began < 0.05:
                pass

        thread = Thread(target=work)
        thread.start()
        thread.join()
        return [Hit(job.header.version, job.header.nonce)]


def test_work_in_other_threads_is_counted() -> None:
    """The rate is over the CPU time of the process, of which the calling thread spends next to none."""
    spec = replace(spec_of(Elsewhere()), hardware=ONE_CORE, runs_in_caller=False)
    measurement = Measurement(spec, "plain", Elsewhere(), Job.plain(check.known_blocks()[0].header), 1, nonces=1000)
    assert peers.our_rate(measurement) < 1000 / 0.05
