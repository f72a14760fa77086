"""`hashjoule gauge` from the command line, with miners on loopback: ours, and a client of the tests' own."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.stratum_client import StratumClient
from hashjoule.gauge.poisson import shares_for
from hashjoule.records.files import load_record
from hashjoule.records.gauge import Gauge
from tests.conftest import CommandLine
from tests.gauge.answers import AXEOS
from tests.gauge.mining import mining
from tests.gauge.test_devices import axeos
from tests.meters.plug_server import Load, SimulatedPlug, served
from tests.support import GOLDEN_RECORD_WITH_GAUGE

EASY = str(2.0**-20)
"""A difficulty at which Python finds some hundred shares a second."""

WAIT_S = 60.0

_PROGRAM = """
import sys
from hashjoule import cli
from hashjoule.gauge import account
account.RAMP_UP_S = 2.0
sys.exit(cli.run(sys.argv[1:]))
"""
"""The command with a ramp-up of two seconds: on a busy machine estimates seldom agree before a minute is over."""


class Command:
    """A running `hashjoule gauge`, which reports the port that it listens on."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-c", _PROGRAM, "gauge", "--listen", "127.0.0.1:0", *arguments]
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `close`
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._err, text=True)
        deadline = time.monotonic() + WAIT_S
        while not (found := re.search(r"stratum\+tcp://127\.0\.0\.1:(\d+)", self.said())):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        self.port = int(found[1])

    def said(self) -> str:
        """Return what the command has written to stderr."""
        self._err.seek(0)
        return self._err.read()

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout and stderr."""
        out, _ = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, out, self.said()

    def close(self) -> None:
        """End the command if it still runs."""
        self.process.kill()
        self.process.communicate()
        self._err.close()


@contextmanager
def command(*arguments: str) -> Iterator[Command]:
    """Start the command, and end it with the block."""
    running = Command(*arguments)
    try:
        yield running
    finally:
        running.close()


def await_count(client: StratumClient) -> None:
    """Wait until the count has begun: the client has been given a second job."""
    deadline = time.monotonic() + WAIT_S
    while len(client.jobs) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gauge_of(record: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """Return the gauge part of one result."""
    gauge: dict[str, Any] = record["results"][index]["gauge"]
    return gauge


def test_our_own_miner_is_measured(tmp_path: Path) -> None:
    """The gauged rate of `hashjoule mine --roll-version` agrees with the miner's own; the record is saved."""
    with command(
        "--seconds", "8", "--difficulty", "0.0005", "--class", "cpu", "--save", str(tmp_path), "--json"
    ) as gauge:
        miner = [sys.executable, "-m", "hashjoule", "mine", "--pool", f"stratum+tcp://127.0.0.1:{gauge.port}"]
        process = subprocess.Popen(
            [*miner, "--user", "alice", "--threads", "1", "--roll-version", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            code, out, err = gauge.end()
        finally:
            process.terminate()
            shares = [json.loads(line) for line in process.communicate()[0].splitlines()]
    assert code == 0, err
    (result,) = json.loads(out)["results"]
    assert result["mode"] == "rolled"
    assert result["device"].endswith(", alice")
    assert result["gauge"]["shares"]["above_target"] == 0
    (path,) = tmp_path.rglob("*-gauge.json")
    assert load_record(path).results[0].backend == "stratum"
    own_hs = max(share["hashes"] / share["seconds"] for share in shares if share["fate"] == "accepted")
    assert 0.3 < result["hashrate_hs"]["median"] / own_hs < 3, "the same order of magnitude, on a busy machine"


def test_a_run_as_text() -> None:
    """The text has a table, the ramp-up, and what is missing for J/TH."""
    arguments = ["--seconds", "1", "--difficulty", EASY, "--name", "my miner", "--class", "cpu"]
    with command(*arguments) as gauge, mining(gauge.port):
        code, out, err = gauge.end()
    assert code == 0, err
    assert out.startswith("miner")
    assert "my miner" in out
    assert "after a ramp-up of" in out
    assert "No J/TH: no power was measured" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "point your miner at stratum+tcp://127.0.0.1:" in err
    assert "only this machine can connect" in err


def test_a_run_for_precision() -> None:
    """The run ends when the interval is as narrow as --precision asks."""
    with command("--precision", "20", "--difficulty", EASY, "--json") as gauge, mining(gauge.port):
        code, out, err = gauge.end()
    assert code == 0, err
    record = json.loads(out)
    rate = record["results"][0]["hashrate_hs"]
    assert (rate["ci95_high"] - rate["ci95_low"]) / 2 / rate["median"] <= 0.2
    assert gauge_of(record)["shares"]["counted"] == shares_for(0.2)
    assert "the class of the device is guessed" in record["conditions"]["warnings"][-1]


def test_several_miners_and_one_meter() -> None:
    """Each miner has a result without energy; the sum has the energy."""
    arguments = ["--seconds", "3", "--difficulty", EASY, "--watts", "50", "--json"]
    with command(*arguments) as gauge, mining(gauge.port, "one"), mining(gauge.port, "two"):
        code, out, err = gauge.end()
    assert code == 0, err
    one, two, both = json.loads(out)["results"]
    assert one["energy"] is two["energy"] is None
    assert both["device"] == "2 miners together"
    assert both["energy"]["method"] == "declared"
    assert both["hashrate_hs"]["median"] == pytest.approx(one["hashrate_hs"]["median"] + two["hashrate_hs"]["median"])


def test_meter_and_device_side_by_side() -> None:
    """The record holds both the 23 W of a Shelly and the 17.4 W that an AxeOS device reports."""
    with served(SimulatedPlug("shelly-gen2", Load(23.0))) as plug, axeos(AXEOS) as port:
        arguments = ["--seconds", "6", "--meter", f"shelly://{plug}", "--device", f"http://127.0.0.1:{port}"]
        with command(*arguments, "--difficulty", EASY, "--json") as gauge, mining(gauge.port):
            code, out, err = gauge.end()
    assert code == 0, err
    record = json.loads(out)
    (result,) = record["results"]
    assert result["energy"]["scope"] == "wall"
    assert result["energy"]["joules"] / result["energy"]["seconds"] == pytest.approx(23.0, rel=0.1)
    claim = gauge_of(record)["claim"]
    assert (claim["power_w"], claim["hashrate_hs"]) == (17.4, pytest.approx(1.205e12))
    assert claim["last"]["chip"] == "BM1370"


@pytest.mark.parametrize("fault", ["silent", "reset"])
def test_a_meter_that_fails_during_the_run(fault: str) -> None:
    """The shares count, the energy is null, and a warning says why."""
    plug = SimulatedPlug("shelly-gen2", Load(5000.0))  # so much that its counter is read
    arguments = ["--seconds", "4", "--difficulty", EASY, "--json", "--meter"]
    with served(plug) as netloc, command(*arguments, f"shelly://{netloc}") as gauge, mining(gauge.port) as client:
        await_count(client)
        if fault == "reset":
            plug.energy_offset_j = -1e6
        else:
            plug.status, plug.body = 500, b"{}"
        code, out, err = gauge.end()
    assert code == 0, err
    record = json.loads(out)
    assert record["results"][0]["energy"] is None
    assert record["results"][0]["verified_hits"] > 0
    assert any("the meter was lost" in warning for warning in record["conditions"]["warnings"])


def test_a_device_that_falls_silent() -> None:
    """The device's earlier reports are kept, with a warning."""
    with ExitStack() as stack:
        with axeos(AXEOS) as port:
            arguments = ["--seconds", "2", "--device", f"http://127.0.0.1:{port}", "--difficulty", EASY, "--json"]
            gauge = stack.enter_context(command(*arguments))
        stack.enter_context(mining(gauge.port))
        code, out, err = gauge.end()
    assert code == 0, err
    assert any("the device did not always answer" in each for each in json.loads(out)["conditions"]["warnings"])


def test_ctrl_c_prints_what_there_is() -> None:
    """The result is marked incomplete; the exit code is 130."""
    with command("--seconds", "600", "--difficulty", EASY, "--json") as gauge, mining(gauge.port) as client:
        await_count(client)
        time.sleep(0.5)
        gauge.process.send_signal(signal.SIGINT)
        code, out, err = gauge.end()
    assert code == 130, err
    record = json.loads(out)
    assert record["complete"] is False
    assert record["results"][0]["verified_hits"] > 0


def test_ctrl_c_before_a_miner_came() -> None:
    """Nothing was measured: there is no result, and the exit code is 130."""
    with command("--json") as gauge:
        gauge.process.send_signal(signal.SIGINT)
        code, out, _ = gauge.end()
    assert code == 130
    assert json.loads(out)["results"] == []


def test_nobody_comes() -> None:
    """The command ends with one sentence and exit code 3; a client that is not a miner is named."""
    with command("--wait", "1") as gauge:
        code, out, err = gauge.end()
    assert (code, out) == (3, "")
    assert "no miner connected within 1 s" in err
    with command("--wait", "2") as gauge, socket.create_connection(("127.0.0.1", gauge.port)) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
        code, _, err = gauge.end()
    assert code == 3
    assert "sent a line that is not Stratum V1" in err


def test_a_miner_that_delivers_nothing_right() -> None:
    """The sentence says what became of the miner's shares."""
    with command("--wait", "2", "--difficulty", EASY) as gauge:
        client = StratumClient(gauge.port).start()
        assert client.submit(client.find(above=True))["result"] is None
        code, _, err = gauge.end()
        client.close()
    assert code == 3
    assert "1 above target" in err


def test_a_difficulty_at_which_every_hash_is_a_share() -> None:
    """A lower one than that has no meaning, and must not look like a miner that holds back its easy shares."""
    with command("--seconds", "2", "--difficulty", "1e-13", "--json") as gauge, mining(gauge.port):
        code, out, err = gauge.end()
    assert code == 0, err
    counted = gauge_of(json.loads(out))
    assert counted["lowest_difficulty"] is None
    assert counted["shares"]["above_target"] == 0
    assert counted["difficulty"] == pytest.approx(2.0**-32, rel=1e-4)


def test_a_port_in_use(hashjoule: CommandLine) -> None:
    """The sentence says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = hashjoule("gauge", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 3
    assert "is already in use; choose another address with --listen HOST:PORT" in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--listen", "3333"], 2, "HOST:PORT"),
        (["--listen", ":3333"], 2, "HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], 2, "HOST:PORT"),
        (["--listen", "203.0.113.7:3333"], 3, "no address 203.0.113.7"),
        (["--listen", "no-such-host.invalid:3333"], 3, "is not a known host"),
        (["--seconds", "5", "--minutes", "1"], 2, "give one of them"),
        (["--seconds", "5", "--precision", "1"], 2, "give one of them"),
        (["--precision", "60"], 2, "at most 50"),
        (["--difficulty", "1e80"], 2, "so high"),
        (["--class", "toaster"], 2, "toaster"),
        (["--watts", "5", "--meter", "shelly://x"], 2, "give one of them"),
        (["--device", "ftp://x"], 2, "names no device"),
        (["--device", "http://127.0.0.1:1"], 3, "cannot be reached"),
        (["--device", "cgminer://127.0.0.1:1"], 3, "cannot be reached"),
        (["--meter", "shelly://127.0.0.1:1"], 3, "cannot be reached"),
        (["--meter", "toaster://x"], 2, "is not a kind of meter"),
        (["--save", "/dev/null/x"], 2, "cannot be saved"),
    ],
)
def test_bad_input(arguments: list[str], code: int, says: str, hashjoule: CommandLine) -> None:
    """One sentence says what is wrong, at once."""
    found, out, err = hashjoule("gauge", "--wait", "1", *arguments)
    assert (found, out) == (code, ""), err
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_records_are_taken_like_any_other(hashjoule: CommandLine, tmp_path: Path) -> None:
    """show, table, compare, explain, plot and report read a gauge record."""
    golden = str(GOLDEN_RECORD_WITH_GAUGE)
    for arguments in (
        ["show", golden],
        ["show", golden, "--format", "md"],
        ["show", golden, "--format", "csv"],
        ["table", golden],
        ["compare", golden, golden],
        ["explain", golden],
        ["plot", golden, "-o", str(tmp_path / "x.svg")],
        ["report", golden, "-o", str(tmp_path)],
    ):
        code, _, err = hashjoule(*arguments)
        assert code == 0, (arguments, err)
    assert isinstance(load_record(Path(golden)).results[0].gauge, Gauge)
