"""`bench --dask` on real clusters measures each machine once, whatever happens on the others."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from hashjoule import backends
from hashjoule.backends import BackendSpec
from hashjoule.benchmark.plan import Plan
from hashjoule.cli.common import progress_bars
from hashjoule.errors import UnavailableError
from hashjoule.fleet import child
from hashjoule.fleet.benchmark import by_machine
from hashjoule.fleet.child import Reply, Request
from hashjoule.fleet.cluster import Member
from hashjoule.fleet.summary import Fleet
from hashjoule.records.files import load_record
from hashjoule.records.schema import Record
from tests.fakes import Faulty, device_spec, spec_of
from tests.fleet.cluster import Cluster, cluster, outcome, until
from tests.plain_records import result, write_record
from tests.support import ROOT

SHORT = ["--backend", "c:portable", "--mode", "plain", "--seconds", "0.05", "--threads", "1"]
AILING = """
import os, signal, sys, time
if "hashjoule.fleet.child" in sys.orig_argv:
    from dataclasses import replace
    from pathlib import Path
    from hashjoule.backends import c
    from tests.fakes import Faulty, device_spec
    with Path(os.environ["HASHJOULE_TEST_CHILDREN"]).open("a") as file:
        file.write(os.environ["HASHJOULE_TEST_HOST"] + "\\n")
    specs, fault = c.specs, os.environ.get("HASHJOULE_TEST_FAULT")
    if fault == "hang":
        time.sleep(600)
    if fault == "crash":
        os.abort()
    if fault == "kill the worker":
        os.kill(os.getppid(), signal.SIGKILL)
    if fault == "lack":
        c.specs = lambda: [replace(spec, unavailable="it is not built here") for spec in specs()]
    if fault == "wrong":
        c.specs = lambda: [replace(spec, open=lambda: Faulty(lose=True)) for spec in specs()]
"""
"""Runs first in the process that measures, and gives it the fault of its worker's environment."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """Start a scheduler without workers."""
    (tmp_path / "sitecustomize.py").write_text(AILING)
    with cluster(tmp_path) as made:
        yield made


def join(made: Cluster, host: str, fault: str = "", workers: int = 1, **more: str) -> None:
    """Add workers of one machine with the same fault."""
    env = {"HASHJOULE_TEST_HOST": host, "HASHJOULE_TEST_FAULT": fault, "PYTHONPATH": f"{made.folder}:{ROOT}"}
    env["HASHJOULE_TEST_CHILDREN"] = str(made.folder / "children")
    made.start_workers(workers, {**env, **more}, preload="tests.fleet.host")


def test_each_machine_is_measured_once_and_none_stops_the_others(own: Cluster, tmp_path: Path) -> None:
    """One machine has two workers; others die, hang, crash, lack a backend, compute wrongly or are outdated."""
    join(own, "good", workers=2)
    for fault in ("hang", "crash", "kill the worker", "lack", "wrong"):
        join(own, fault.split()[0], fault)
    join(own, "old", HASHJOULE_TEST_VERSION="0.0.1")
    join(own, "paused")
    own.workers[-1].send_signal(signal.SIGSTOP)
    arguments = ["bench", *SHORT, "--json", "--save", str(tmp_path / "kept")]
    process = own.call(*arguments, benchmark={"SILENCE_SECONDS": 20.0}, cluster={"HELLO_SECONDS": 5.0})
    code, out, err = outcome(process, 120)
    assert code == 0, err
    fleet = msgspec.json.decode(out, type=Fleet)
    reasons = {host.name: host.reason for host in fleet.hosts if host.reason}
    says = {
        "hang": "was silent for 20 s",
        "crash": "died of SIGABRT",
        "kill": "died while it was measured",
        "lack": "it is not built here",
        "wrong": "failed its self-test",
        "old": "it runs hashjoule 0.0.1",
        next(name for name in reasons if name.startswith("tcp://")): "did not answer within 5 s",
    }
    assert {name for name, words in says.items() if words in str(reasons[name])} == set(reasons)
    (good,) = [host for host in fleet.hosts if not host.reason]
    assert (good.name, good.workers, fleet.measured, fleet.complete) == ("good", 2, 1, True)
    assert good.record is not None
    assert good.hashrate_hs == fleet.hashrate_hs == good.record.results[0].hashrate_hs.median
    measured = (own.folder / "children").read_text().split("\n")
    assert measured.count("good") == 1, "one worker of the machine measured, once"
    assert "old" not in measured
    (saved,) = (tmp_path / "kept").glob("*/*.json")
    assert load_record(saved) == good.record
    (saved_fleet,) = (tmp_path / "kept").glob("*.json")
    assert json.loads(saved_fleet.read_text()) == json.loads(out)
    assert all(f"left out: {name}: " in err for name in reasons)


def test_devices_that_several_workers_see_are_measured_once(own: Cluster) -> None:
    """Each worker that is shown another GPU measures that GPU; one of them measures the CPU that all of them see."""
    for shown in ("0,1", "1,0", "1"):
        join(own, "rig", CUDA_VISIBLE_DEVICES=shown)
    code, out, err = outcome(own.call("bench", *SHORT))
    assert code == 0, err
    assert out.splitlines()[1].split()[:3] == ["rig", "c:portable", "plain"]
    assert "from 1 of 1 host." in out
    assert "No J/TH" in out
    assert (own.folder / "children").read_text().split() == ["rig", "rig"], "0,1 and 1,0 are the same GPUs"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_nothing_goes_on_measuring_for_nobody(own: Cluster) -> None:
    """Ctrl-C ends with 130 and names unmeasured hosts; a killed worker's host is named too. No child survives."""
    join(own, "slow")
    worker = psutil.Process(own.workers[0].pid)
    process = own.call("bench", "--backend", "c:portable", "--seconds", "60", "--json")
    (measuring,) = until(worker.children, what="a measurement")
    process.send_signal(signal.SIGINT)
    code, out, _ = outcome(process)
    assert code == 130
    fleet = json.loads(out)
    assert (fleet["complete"], fleet["measured"], fleet["hashrate_hs"]) == (False, 0, None)
    assert "interrupted" in fleet["hosts"][0]["reason"]
    until(lambda: not measuring.is_running(), what="its end")
    process = own.call("bench", "--backend", "c:portable", "--seconds", "60")
    (measuring,) = until(worker.children, what="a measurement")
    own.workers[0].kill()
    own.workers[0].wait()
    code, out, err = outcome(process)
    assert (code, out.strip()) == (1, "")
    assert "died while it was measured" in err
    until(lambda: not measuring.is_running(), what="its end")


def member(address: str, host: str = "h", view: str = "", reason: str | None = None, name: str = "n") -> Member:
    """Return a worker as it describes itself."""
    return Member(f"tcp://{address}:1", 1, name, host, view, reason)


def test_machines_are_told_apart_by_what_they_are() -> None:
    """Machines are told apart by their identifier. Equal names get the address; a silent worker is its own machine."""
    found = [member("a"), member("b"), member("c", host="other"), member("d", host="", reason="silent")]
    by_name = {machine.name: machine for machine in by_machine(found)}
    assert [len(machine.workers) for machine in by_name.values()] == [2, 1, 1]
    assert list(by_name) == ["n (a, h)", "n (c, other)", "tcp://d:1"]
    (machine,) = by_machine(
        [member("a", reason="old"), member("b", view="1"), member("c", view="0"), member("d", view="0")]
    )
    assert [worker.address for worker in machine.views] == ["tcp://c:1", "tcp://b:1"]


def gpu(name: str, bus: str) -> BackendSpec:
    """Return a spec of a GPU."""
    return device_spec(name, "Fake 9000", kind="gpu", pci_bus_id=bus)


def test_measured_devices_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A device is recognised by its PCI bus id in any backend. If no device is left, that is not a failure."""
    specs = [spec_of(Faulty(), "fake"), gpu("cl:0.0", "01:00.0"), gpu("cl:0.1", "02:00.0")]
    monkeypatch.setattr(backends, "resolve", lambda names: specs)
    asked: list[list[str]] = []

    def measure(plan: Plan, specs: list[BackendSpec], progress: Any) -> Record:
        asked.append([spec.name for spec in specs])
        return load_record(write_record(tmp_path, result()))

    monkeypatch.setattr("hashjoule.benchmark.run.run", measure)
    done = child.reply_to(Request(Plan(), ("cpu", "01:00.0")), lambda text, part: None)
    assert asked == [["cl:0.1"]]
    assert done.devices == {"cl:0.1": "02:00.0"}
    everything = ("cpu", "01:00.0", "02:00.0")
    assert child.reply_to(Request(Plan(), everything), lambda text, part: None) == Reply()

    def lacking(names: tuple[str, ...]) -> list[BackendSpec]:
        raise UnavailableError("none here")

    monkeypatch.setattr(backends, "resolve", lacking)
    assert child.reply_to(Request(Plan()), lambda text, part: None) == Reply(reason="none here")


def test_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows a bar for each host that is being measured, and one for all; a file gets nothing."""
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    with progress_bars("hosts") as show:
        show("h1", "c:avx2 plain", 0.5)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bars("hosts") as show:
        show("h1", "c:avx2 plain", 0.5)
        show("h2", "self-tests", 0.0)
        show("h1", "measured", None)
    assert plain.getvalue() == ""
    assert "h2: self-tests" in terminal.getvalue()
    assert "1 of 2 hosts measured" in terminal.getvalue()
