"""The command line as users meet it: output, JSON, exit codes, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashjoule import backends, check, cli, meters
from hashjoule.backends import BackendSpec
from hashjoule.benchmark import energy, run, sampling
from hashjoule.benchmark.energy import Metering
from hashjoule.benchmark.measurement import Measurement
from hashjoule.benchmark.results import device_sum_hs
from hashjoule.benchmark.run import Benchmark, thread_steps
from hashjoule.hardware import usable_cores
from hashjoule.job import Header
from hashjoule.records.files import load_record
from hashjoule.records.schema import Record
from tests.benchmark.test_sampling import sampled
from tests.fakes import FakeTime, Faulty, SteadyMeter, device_spec, spec_of
from tests.support import headers

GENESIS = headers()[0]
HEADER = Header.parse(GENESIS.header)
SOLVED = GENESIS.header.hex()
UNSOLVED = GENESIS.header[:76].hex() + "00000000"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Runs the command line in this process: exit code, stdout, stderr."""
    code = cli.run(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@contextmanager
def spawned(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, ended with the block."""
    command = [sys.executable, "-m", "hashjoule", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grind", "00"], "80 bytes"),
        (["grind", SOLVED[:-1]], "160 hex"),
        (["grind", SOLVED + "00"], "80 bytes"),
        (["grind", "zz" * 80], "160 hex"),
        (["grind", SOLVED, "--target", "0"], "between 1 and 2^256"),
        (["grind", SOLVED, "--target", "1" + "0" * 64], "between 1 and 2^256"),
        (["grind", SOLVED, "--target", "xyz"], "hexadecimal"),
        (["grind", SOLVED, "--target=-1"], "hexadecimal"),
        (["grind", SOLVED, "--start", "4294967296"], "first nonce"),
        (["grind", SOLVED, "--start", "-1"], "first nonce"),
        (["grind", SOLVED, "--count", "4294967297"], "number of nonces"),
        (["grind", SOLVED, "--version-mask", "0"], "no bit set"),
        (["grind", SOLVED, "--version-mask", "20000000"], "BIP 320"),
        (["grind", SOLVED, "--backend", "abacus"], "no backend 'abacus'"),
        (["grind", SOLVED, "--backend", "c"], "several backends"),
        (["grind", SOLVED, "--threads", "0"], "--threads"),
        (["grind", SOLVED[:144] + "00000000" + SOLVED[152:]], "no valid target"),
        (["bench", "--backend", "c:avx1024"], "no backend"),
        (["bench", "--seconds", "nan"], "above zero"),
        (["bench", "--seconds", "-1"], "above zero"),
        (["bench", "--watts", "0"], "above zero"),
        (["bench", "--mode", "sideways"], "sideways"),
        (["bench", "--sustained", "inf"], "above zero"),
        (["bench", "--threads", "999"], "more than this process may use"),
        (["bench", "--meter", "plug"], "shelly://HOST"),
        (["bench", "--meter", "gopher://plug"], "'gopher' is not a kind of meter"),
        (["bench", "--meter", "shelly://"], "shelly://HOST"),
        (["bench", "--meter", "shelly://plug", "--watts", "5"], "leave out --watts"),
        (["bench", "--watts", "5", "--thread-scan"], "--thread-scan"),
        (["devices", "--meter", "plug"], "shelly://HOST"),
        (["compare", "none.json", "none.json"], "cannot be read"),
        (["compare", "a", "b", "--threshold", "100"], "--threshold"),
        (["compare", "a", "b", "--threshold", "nan"], "--threshold"),
        (["compare", "a", "b", "--threshold=-1"], "--threshold"),
        (["show", "none.json"], "cannot be read"),
        (["show", "none.json", "--format", "xml"], "xml"),
        (["check", "--seconds", "inf"], "above zero"),
        (["nonsense"], "nonsense"),
        (["grind"], "HEADER"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Nothing on stdout, one line on stderr that names the problem."""
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert says in err
    assert err.startswith("hashjoule: ")
    assert err.count("\n") == 1


def test_a_variant_that_this_cpu_lacks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced, it is bad input, and the sentence says what is missing."""
    from hashjoule.backends import c

    monkeypatch.setattr(c, "_feature_names", lambda bits: ("everything",))
    name = next(spec.name for spec in backends.specs("c") if spec.unavailable)
    code, out, err = call(capsys, "bench", "--backend", name)
    assert (code, out) == (2, "")
    assert "lacks everything" in err or "could not build it" in err


def test_devices(capsys: pytest.CaptureFixture[str]) -> None:
    """Every spec is listed, as text and as JSON."""
    code, out, _ = call(capsys, "devices")
    assert code == 0
    assert all(spec.name in out for spec in backends.specs())
    code, out, _ = call(capsys, "devices", "--json")
    listed = json.loads(out)
    assert {entry["name"] for entry in listed["backends"]} == {spec.name for spec in backends.specs()}
    assert next(e for e in listed["backends"] if e["name"] == "reference")["unavailable"] is None
    assert [entry["name"] for entry in listed["meters"]] == [meter.name for meter in meters.meters()]
    assert all(entry["scope"] and entry["method"] for entry in listed["meters"])


def test_check_passes_on_the_real_backends(capsys: pytest.CaptureFixture[str]) -> None:
    """All C variants agree with hashlib."""
    code, out, _ = call(capsys, "check", "--backend", "c", "--seconds", "0.05", "--json")
    assert code == 0
    assert all(v["differences"] == [] and v["real_blocks"] >= 15 for v in json.loads(out).values())


def test_check_exits_1_on_a_difference(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that loses hits is caught, and named with what differed."""
    monkeypatch.setattr(backends, "resolve", lambda names: [spec_of(Faulty(lose=True), "fake:lossy")])
    code, out, _ = call(capsys, "check", "--seconds", "0.2")
    assert code == 1
    assert "fake:lossy" in out
    assert "missed" in out


def test_bench_gives_a_record(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Text, JSON and the saved record tell the same; without a meter J/TH is null."""
    arguments = ["bench", "--backend", "c:portable", "--seconds", "0.1", "--threads", "1"]
    code, out, err = call(capsys, *arguments, "--save", str(tmp_path), "--json")
    assert code == 0
    document = json.loads(out)
    (path,) = tmp_path.rglob("*.json")
    assert str(path) in err
    assert json.loads(path.read_text()) == document
    record = load_record(path)
    assert [(r.backend, r.mode) for r in record.results] == [("c:portable", "plain"), ("c:portable", "rolled")]
    assert all(r.energy is None and r.j_per_th is None and r.verified_hits >= 3 for r in record.results)
    code, out, _ = call(capsys, *arguments)
    assert "c:portable" in out
    assert "No J/TH" in out


def test_declared_watts_are_called_declared(capsys: pytest.CaptureFixture[str]) -> None:
    """--watts gives a J/TH, and wherever it stands the power is called declared; one state is measured."""
    arguments = ["bench", "--backend", "c:portable", "--mode", "plain", "--seconds", "0.1", "--watts", "5"]
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert "~5.00 W  declared" in out
    code, out, _ = call(capsys, *arguments, "--json")
    assert [result["threads"] for result in json.loads(out)["results"]] == [usable_cores()]


def test_a_plug_that_is_not_there_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured; the sentence says what to do."""
    for arguments in (["bench", "--meter", "shelly://127.0.0.1:1"], ["devices", "--meter", "tasmota://127.0.0.1:1"]):
        code, out, err = call(capsys, *arguments)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "cannot be reached" in err


def test_a_meter_gives_joules(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every result has the meter's joules over its samples' time, with source, scope, method and idle power."""
    monkeypatch.setattr(energy, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(meters, "meters", lambda: [SteadyMeter(40, live=True).meter()])
    arguments = ["bench", "--backend", "c:portable", "--seconds", "0.1", "--threads", "1"]
    code, out, _ = call(capsys, *arguments, "--json")
    assert code == 0
    document = json.loads(out)
    for result in document["results"]:
        spent = result["energy"]
        assert spent["joules"] / spent["seconds"] == pytest.approx(40, rel=1e-3)
        assert (spent["source"], spent["scope"], spent["method"]) == ("fake", "package", "counter")
        assert result["j_per_th"]["value"] == pytest.approx(40 / result["hashrate_hs"]["median"] * 1e12, rel=1e-3)
    (idle,) = document["conditions"]["idle"]
    assert [idle["before_w"], idle["after_w"]] == pytest.approx([40, 40], rel=0.01)
    assert all(document["conditions"][moment]["load"] is not None for moment in ("before", "during", "after"))


def test_thread_scan_and_sustained_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The fastest backend on each number of threads, then without a pause, with its rate at start and end."""
    arguments = ["bench", "--backend", "c:portable", "--mode", "plain", "--seconds", "0.1", "--sustained", "1.2"]
    code, out, _ = call(capsys, *arguments, "--thread-scan", "--json")
    assert code == 0
    document = json.loads(out)
    assert [result["threads"] for result in document["results"]] == thread_steps(usable_cores())
    sustained = document["sustained"]
    assert (sustained["backend"], sustained["threads"]) == ("c:portable", usable_cores())
    assert sustained["start_hs"] > 0
    assert sustained["end_hs"] > 0
    times = [point["at_s"] for point in sustained["points"]]
    assert times == sorted(times)
    assert times[-1] >= 1.0  # a stretch is a second or more, and one that is begun is finished
    code, out, _ = call(capsys, *arguments, "--threads", "1")
    assert "in the first tenth" in out


def test_an_interrupted_run_is_saved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was measured until Ctrl-C is shown and kept, and says that it is not the whole."""

    def interrupt(bench: Benchmark) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Benchmark, "finish", interrupt)
    arguments = ["bench", "--backend", "c:portable", "--seconds", "0.1", "--threads", "1", "--save", str(tmp_path)]
    code, out, _ = call(capsys, *arguments)
    assert code == 130
    assert "was interrupted" in out
    (path,) = tmp_path.rglob("*.json")
    record = load_record(path)
    assert (record.complete, len(record.results)) == (False, 2)


def test_a_folder_that_cannot_be_written_is_told_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before a minute is spent on measuring."""
    (tmp_path / "file").write_text("")
    fake = Faulty()
    monkeypatch.setattr(backends, "resolve", lambda names: [spec_of(fake)])
    code, out, err = call(capsys, "bench", "--save", str(tmp_path / "file" / "folder"))
    assert (code, out, fake.ranges) == (2, "", [])
    assert "cannot be saved" in err


def test_records_are_kept_while_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incomplete, with what there is: whoever pulls the plug loses a second or so."""
    kept: list[Record] = []
    monkeypatch.setattr(sampling, "time", FakeTime(0.1))
    monkeypatch.setattr(run, "time", FakeTime(1.0))
    with Metering() as metering:
        bench = Benchmark(metering, keep=kept.append)
        bench.compare([spec_of(Faulty(), f"fake:{i}") for i in range(4)], ["plain"], 1, 2.0)
        bench.finish()
    assert bench.record().complete
    assert not any(record.complete for record in kept)
    hashes = [sum(result.hashes for result in record.results) for record in (*kept, bench.record())]
    assert hashes == sorted(set(hashes))
    assert len(hashes) > 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_output_to_a_full_disk_is_one_sentence() -> None:
    """No traceback, exit code 2."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "hashjoule", "table", "--format", "json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the disk is full" in done.stderr


def test_the_sum_counts_each_device_once() -> None:
    """C and OpenCL on one CPU are one device, two platforms of one GPU too; a single device has no sum."""
    gpu = {"kind": "gpu", "pci_bus_id": "0000:41:00.0"}
    made = [
        _at_rate(3e6, spec_of(Faulty(), "c")),
        _at_rate(4e6, device_spec("pocl", "cpu-fake", kind="cpu", cpu_cores=2)),
        _at_rate(1e9, device_spec("numba:cuda", "Fake", **gpu)),
        _at_rate(9e8, device_spec("opencl:0.0", "Fake by another name", **gpu)),
    ]
    assert device_sum_hs(made) == pytest.approx(1e9 + 4e6)
    assert device_sum_hs(made[:2]) is None


def _at_rate(rate_hs: float, spec: BackendSpec) -> Measurement:
    made = sampled([rate_hs])
    made.spec = spec
    return made


def test_thread_steps() -> None:
    """All numbers up to eight, then a few up to the last one."""
    assert thread_steps(1) == [1]
    assert thread_steps(6) == [1, 2, 3, 4, 5, 6]
    assert thread_steps(128)[-2:] == [112, 128]
    assert all(len(thread_steps(n)) <= 17 and thread_steps(n)[-1] == n for n in range(1, 300))


def test_a_refused_rate_is_not_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that fails is named on stderr with its reason, has no rate, and without another the exit is 1."""
    monkeypatch.setattr(backends, "resolve", lambda names: [spec_of(Faulty(lose=True), "fake:fast")])
    monkeypatch.setattr(check, "_ready", {})
    code, out, err = call(capsys, "bench", "--seconds", "0.1")
    assert code == 1
    assert "fake:fast" not in out
    assert "refused: fake:fast failed its self-test" in err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--help lists the commands, each command explains itself; --version tells."""
    code, out, _ = call(capsys, "--help")
    assert code == 0
    for name in cli.COMMANDS:
        assert name in out
        assert call(capsys, name, "--help")[0] == 0
    assert "0." in call(capsys, "--version")[1]


def test_shells_can_complete() -> None:
    """Completion offers the commands."""
    environment = {
        **os.environ,
        "_HASHJOULE_COMPLETE": "bash_complete",
        "COMP_WORDS": "hashjoule be",
        "COMP_CWORD": "1",
    }
    code = "from hashjoule.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.stdout.split() == ["plain,bench"], done.stderr


def test_output_to_a_closed_pipe_is_no_error() -> None:
    """`hashjoule devices | head -1` ends quietly, with the 1 that click gives for a broken pipe."""
    with spawned("table") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "arguments",
    [["grind", UNSOLVED, "--target", "1"], ["bench", "--backend", "c:portable", "--mode", "plain", "--seconds", "60"]],
)
def test_an_interrupt_ends_with_130(arguments: list[str]) -> None:
    """Ctrl-C ends long work without a traceback; bench still shows what it measured."""
    with spawned(*arguments) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert ("MH/s" in out) == (arguments[0] == "bench")


def test_commands_of_the_c_core_load_no_heavy_library() -> None:
    """Neither numba, pyopencl, numpy, matplotlib nor rich is imported to grind or to list C variants."""
    code = f"""
import sys
from hashjoule import cli
cli.run(["grind", "{SOLVED}", "--start", "{HEADER.nonce}", "--count", "10"])
cli.run(["check", "--backend", "c:portable", "--seconds", "0.01"])
heavy = {{"numba", "pyopencl", "numpy", "matplotlib", "rich", "dask"}} & set(sys.modules)
sys.exit(str(heavy) if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
