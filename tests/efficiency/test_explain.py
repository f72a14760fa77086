"""The explanation: factors multiply to the gap exactly for every kind of machine, and no joule comes from nowhere."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashjoule.data.hardware import best_asic, machines
from hashjoule.data.names import find_machine
from hashjoule.efficiency import explain as why
from hashjoule.efficiency.operations import SCALAR, VECTOR, WIDE, count_compression, count_operations
from hashjoule.errors import UsageError
from hashjoule.hardware import Hardware
from hashjoule.records.files import load_record
from hashjoule.records.schema import SCHEMA, Conditions, Efficiency, Energy, HostFacts, Rate, Record, Result, Software
from hashjoule.report import waterfall
from hashjoule.report.waterfall import LABELS
from tests.conftest import CommandLine
from tests.support import GOLDEN_RECORD_WITH_GAUGE

BEST = why.best_subject()
MACHINE = HostFacts(
    cpu="AMD EPYC (family 26 model 2)", features=("avx2", "avx512f", "sha"), cores=2, memory=2**33, os="Linux",
    virtualised=True, clock_hz=4e9,
)  # fmt: skip


def result(
    backend: str, rate_hs: float, mode: str = "plain", watts: float | None = None, device: str = "cpu"
) -> Result:
    """A measured result, metered if watts are given."""
    j_per_th = None if watts is None else watts / rate_hs * 1e12
    return Result(
        backend=backend,
        mode="rolled" if mode == "rolled" else "plain",
        device=device,
        runtime="gcc",
        threads=1,
        hashes=10,
        samples_hs=(rate_hs,),
        hashrate_hs=Rate(rate_hs, 0, rate_hs, rate_hs),
        hashes_per_cpu_second=rate_hs,
        cycles_per_hash=None,
        verified_hits=1,
        energy=None if watts is None else Energy(watts, 1.0, "rapl", "package", "counter"),
        j_per_th=None if j_per_th is None else Efficiency(j_per_th, j_per_th, j_per_th),
    )


def record(results: Sequence[Result]) -> Record:
    """A record of these results on one machine."""
    return Record(
        schema=SCHEMA,
        created="2026-11-21T12:00:00Z",
        hashjoule=Software("0.1.0", None, "gcc 12"),
        machine=MACHINE,
        conditions=Conditions(0.1, None, None),
        results=tuple(results),
    )


# The rates are those of one core; the watts are declared, for this machine has no meter.
CPU = record(
    [
        result("c:portable", 3.3e6),
        result("c:avx512", 31.7e6),
        result("c:shani_avx512", 53.7e6),
        result("c:shani_avx512", 64.7e6, "rolled"),
    ]
)
FIVE_MACHINES: dict[str, Callable[[], why.Subject]] = {
    "scalar CPU": lambda: why.record_subject(CPU, "c:portable", 5.0),
    "AVX-512": lambda: why.record_subject(CPU, "c:avx512", 5.0),
    "SHA-NI": lambda: why.record_subject(CPU, "c:shani_avx512", 5.0),
    "GPU": lambda: why.published_subject(find_machine("GeForce RTX 4090")),
    "FPGA": lambda: why.published_subject(find_machine("X6500")),
    "old CPU": lambda: why.published_subject(find_machine("E5400")),
    "old ASIC": lambda: why.published_subject(find_machine("Antminer S9 (11.5T)")),
}


def factor_of(explanation: why.Explanation, name: str) -> why.Factor:
    """The factor of that name."""
    return next(factor for factor in explanation.factors if factor.name == name)


@pytest.fixture
def run(hashjoule: CommandLine) -> CommandLine:
    """Runs `hashjoule explain ...`: exit code, stdout, stderr."""
    return partial(hashjoule, "explain")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The CPU record in a file."""
    path = tmp_path / "record.json"
    path.write_bytes(msgspec.json.encode(CPU))
    return path


@pytest.mark.parametrize("name", FIVE_MACHINES)
def test_factors_multiply_to_the_gap_exactly(name: str) -> None:
    """The product is the gap as a fraction, not nearly; every factor has a source and lies in its interval."""
    explanation = why.explain(FIVE_MACHINES[name]())
    product = math.prod((factor.ratio for factor in explanation.factors), start=Fraction(1))
    assert product == explanation.gap
    assert explanation.gap == Fraction(explanation.subject.j_per_th) / Fraction(BEST.j_per_th)
    for factor in explanation.factors:
        assert factor.source
        assert factor.low <= float(factor.ratio) * (1 + 1e-12), factor
        assert float(factor.ratio) <= factor.high * (1 + 1e-12), factor


@pytest.mark.parametrize("name", ["AVX-512", "SHA-NI", "GPU", "FPGA", "old ASIC"])
def test_the_rest_is_smaller_than_what_is_explained(name: str) -> None:
    """What is left unexplained is less than half of the gap on a log scale."""
    explanation = why.explain(FIVE_MACHINES[name]())
    rest = factor_of(explanation, "rest")
    assert abs(math.log(rest.ratio)) < 0.6 * math.log(explanation.gap)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 1e4), st.floats(1e5, 1e10))
def test_any_power_and_rate_give_an_exact_chain(watts: float, rate: float) -> None:
    """The product is exact whatever is measured."""
    subject = why.record_subject(record([result("c:avx2", rate)]), None, watts)
    explanation = why.explain(subject)
    assert math.prod((f.ratio for f in explanation.factors), start=Fraction(1)) == explanation.gap


def test_the_best_asic_explains_itself() -> None:
    """The best machine against itself: a gap of one, and nothing to explain."""
    explanation = why.explain(BEST)
    assert explanation.gap == 1
    assert [float(factor.ratio) for factor in explanation.factors] == pytest.approx([1] * 8)
    assert all(factor.low == factor.high == 1 for factor in explanation.factors)


def test_the_reference_is_explained_whole() -> None:
    """From the machine at which the model ends only the undocumented step is left."""
    reference = why.reference_subject()
    explanation = why.explain(reference)
    *modelled, onward = explanation.factors
    assert [float(factor.ratio) for factor in modelled] == pytest.approx([1] * 7)
    assert onward.name == "newer chips, undocumented"
    assert onward.ratio == explanation.gap == Fraction(reference.j_per_th) / Fraction(BEST.j_per_th)


def test_the_best_asic_is_the_best() -> None:
    """No published ASIC that ships and is not doubtful needs less energy; what is only announced is no reference."""
    machine = best_asic()
    assert (machine.machine_class, machine.status, machine.model) == ("asic", None, "Antminer S23 Hydro")
    sound = [m for m in machines() if m.machine_class == "asic" and m.status is None and m.quality != "low"]
    assert machine.j_per_th == min(m.j_per_th for m in sound if m.j_per_th)
    assert any(m.status == "announced" and (m.j_per_th or math.inf) < (machine.j_per_th or 0) for m in machines())
    assert not BEST.announced
    assert not why.reference_subject().announced


def test_the_model_ends_at_a_documented_chip() -> None:
    """Node and own voltage of the reference are known, and no documented ASIC that ships needs less energy."""
    reference = why.reference_subject()
    assert reference.process_nm is not None
    assert reference.supply is not None
    assert "own operating point" in reference.supply.source
    assert reference.supply.high_v / reference.supply.low_v < 1.2


def test_the_rest_of_most_asics_may_be_one() -> None:
    """For nearly every ASIC with a known node the interval of the rest holds 1, and the rests lie on both sides.

    The chain once ended at a machine without a documented chip: 11 of 11 rests excluded 1, all in one direction.
    """
    known = [m for m in machines() if m.machine_class == "asic" and m.node_nm and m.power_w and m.quality != "low"]
    rests = [factor_of(why.explain(why.published_subject(machine)), "rest") for machine in known]
    inside = [rest.low <= 1 <= rest.high for rest in rests]
    assert len(rests) >= 100
    assert sum(inside) / len(inside) >= 9 / 11
    below = sum(rest.ratio < 1 for rest in rests) / len(rests)
    assert 0.1 < below < 0.9


def test_the_staircase_is_what_was_measured() -> None:
    """From scalar code to the fastest: width times fewer operations is the measured ratio of the rates."""
    scalar = FIVE_MACHINES["scalar CPU"]()
    fastest = FIVE_MACHINES["SHA-NI"]()
    fewer = scalar.operations.count / fastest.operations.count
    assert scalar.code is not None
    assert fastest.code is not None
    assert scalar.code.ratio * fewer == pytest.approx(53.7 / 3.3)
    assert "at the same power" in scalar.code.note
    assert fastest.code.ratio == 1


def test_codes_with_other_threads_are_peers() -> None:
    """A record with 18 other results never says that no other code was measured: rates per core are compared."""
    two = msgspec.structs.replace(result("c:shani", 80e6), threads=2, hardware=Hardware(kind="cpu", cpu_cores=2))
    code = why.record_subject(record([result("c:avx2", 10e6), two]), "c:avx2", 5.0).code
    assert code is not None
    assert "no other code" not in code.note
    assert "rate per core" in code.note
    fewer = count_operations(VECTOR) / count_operations(WIDE)
    assert code.ratio * fewer == pytest.approx(40 / 10)


def test_hashlib_computes_with_sha_instructions() -> None:
    """OpenSSL uses them where the CPU has them: three whole compressions, and the rest of its cost is Python."""
    features = msgspec.structs.replace(MACHINE, features=("avx2", "sha_ni"))
    with_sha = msgspec.structs.replace(record([result("reference", 1e6)]), machine=features)
    without = record([result("reference", 1e6)])
    priced, scalar = (why.record_subject(r, None, 5.0).operations for r in (with_sha, without))
    assert priced.count == 3 * count_compression(WIDE)
    assert scalar.count == 3 * count_compression(SCALAR)
    assert "Python" in priced.note


def test_metered_energy_makes_the_staircase() -> None:
    """Where both codes were metered, the staircase is the ratio of their joules, not of their rates."""
    metered = record([result("c:avx2", 10e6, watts=4.0), result("c:shani", 20e6, watts=6.0)])
    subject = why.record_subject(metered, "c:avx2")
    fewer = subject.operations.count / why.record_subject(metered, "c:shani").operations.count
    assert subject.basis == "measured"
    assert subject.code is not None
    assert subject.code.ratio * fewer == pytest.approx((4.0 / 10) / (6.0 / 20))
    assert "metered" in subject.code.note


def test_rolled_results_have_asicboost_already() -> None:
    """A rolled result has nothing left to gain from AsicBoost, and starts nearer to the best."""
    rolled = record([result("c:shani_avx512", 64.7e6, "rolled")])
    factors = {f.name: f for f in why.explain(why.record_subject(rolled, None, 5.0)).factors}
    assert factors["AsicBoost"].ratio == 1


def test_a_gpu_record_is_a_gpu() -> None:
    """An OpenCL result on a GPU is explained as a GPU with its own node, one on a CPU device as a CPU."""
    gpu = why.record_subject(record([result("opencl:0.0", 9e9, watts=400, device="NVIDIA H100 80GB HBM3")]))
    cpu = why.record_subject(record([result("opencl:0.0", 30e6, watts=10, device="cpu-znver5 AMD EPYC")]))
    assert (gpu.machine_class, gpu.process_nm) == ("gpu", 5)
    assert cpu.machine_class == "cpu"


def test_unknown_nodes_are_said_and_left_to_the_rest() -> None:
    """A machine whose node no source names: both physical factors are 1 and say why."""
    unknown = why.published_subject(find_machine("Quadro P4000"), 101)
    forgotten = dataclasses.replace(unknown, process_nm=None, supply=None)
    factors = {f.name: f for f in why.explain(forgotten).factors}
    assert factors["process node"].ratio == factors["supply voltage"].ratio == 1
    assert "not known" in factors["process node"].source


def test_without_a_meter_there_is_nothing_to_explain(run: CommandLine, saved: Path) -> None:
    """No energy in the record: one sentence that offers --watts and --machine, exit code 2, no figure anywhere."""
    code, out, err = run(str(saved))
    assert (code, out) == (2, "")
    assert "--watts WATTS" in err
    assert "--machine NAME" in err


def test_declared_watts_are_called_declared(run: CommandLine, saved: Path) -> None:
    """--watts gives a J/TH that every output calls declared."""
    code, out, _ = run(str(saved), "--watts", "5", "--backend", "c:avx512", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["machine"]["basis"] == "declared"
    assert document["machine"]["j_per_th"] == pytest.approx(5 / 31.7e6 * 1e12)
    assert math.prod(f["ratio"] for f in document["factors"]) == pytest.approx(document["gap"], rel=1e-12)
    code, out, _ = run(str(saved), "--watts", "5")
    assert code == 0
    assert "J/TH (declared)" in out.splitlines()[0]


def test_a_published_bound_is_called_one(run: CommandLine) -> None:
    """A thermal design power gives an upper bound and is called so."""
    code, out, _ = run("--machine", "E5400")
    assert code == 0
    assert "upper bound" in out.splitlines()[0]


def test_text_lists_every_factor_with_its_source(run: CommandLine) -> None:
    """The waterfall in text: eight factors with ratio, interval and what is left; what is assumed and its source."""
    code, out, _ = run("--machine", "X6500")
    lines = out.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("factor"))
    notes, sources = lines.index("", head), lines.index("Sources")
    assert code == 0
    explanation = why.explain(why.published_subject(find_machine("X6500")))
    assert len(explanation.factors) == 8
    for factor in explanation.factors:
        label = LABELS[factor.name]
        assert sum(line.startswith(f"{label}  ") for line in lines[head:]) == 1
        told = factor.ratio != 1 or factor.low != factor.high
        assert sum(line.startswith(f"{label}:") for line in lines[notes:sources]) == told
        assert sum(line.startswith(f"{label}:") for line in lines[sources:]) == told
    assert max(len(line) for line in lines if "http" not in line) <= 80


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_picture_is_drawn(run: CommandLine, tmp_path: Path, suffix: str) -> None:
    """-o writes an SVG or PNG of the waterfall; the same call gives the same file."""
    paths = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for path in paths:
        code, _, err = run("--machine", "GeForce RTX 4090", "-o", str(path))
        assert code == 0
        assert str(path) in err
    assert paths[0].stat().st_size > 5000
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_steps_lead_from_the_machine_to_the_best() -> None:
    """The waterfall begins at the machine's energy and ends at the best ASIC's."""
    explanation = why.explain(FIVE_MACHINES["GPU"]())
    found = waterfall.steps(explanation)
    assert found[0].before == explanation.subject.j_per_th
    assert found[-1].after == pytest.approx(BEST.j_per_th)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "explain one machine"),
        (("--machine", "Abacus 9000"), "no published machine is called 'Abacus 9000'"),
        (("--machine", "GeForce RTX 4O90"), "did you mean GeForce RTX 4090"),
        (("--machine", "Antminer"), "give a longer name"),
        (("--machine", "E5400", "--watts", "0"), "--watts"),
        (("--machine", "E5400", "--backend", "c:avx2"), "--backend chooses from a record"),
        (("--machine", "7945HX"), "declare one with --watts WATTS"),
        (("--machine", "E5400", "-o", "gap.pdf"), "must end in .svg or .png"),
        (("--machine", "E5400", "-o", "no/such/folder/gap.svg"), "cannot be written"),
        (("nowhere.json",), "nowhere.json cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(run: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, one line on stderr that names the option or the value, nothing on stdout."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err


def test_a_backend_that_is_not_in_the_record(saved: Path) -> None:
    """The sentence lists the backends that the record holds."""
    with pytest.raises(UsageError, match=r"no result of backend numba; it holds c:avx512, c:portable, c:shani_avx512"):
        why.record_subject(load_record(saved), "numba", 5.0)


def test_a_gauged_miner_is_explained_as_a_machine_of_its_own() -> None:
    """Not by the code and the name of the computer that counted its shares; a metered one comes first."""
    record = load_record(GOLDEN_RECORD_WITH_GAUGE)
    found = why.record_subject(record)
    assert (found.name, found.machine_class, found.basis) == ("Bitaxe Gamma", "asic", "measured")
    assert found.operations == BEST.operations
    assert found.supply is None
    assert found.code is None


def test_a_reported_power_is_called_reported_in_the_explanation() -> None:
    """Whether the device is right about its power is not known."""
    record = load_record(GOLDEN_RECORD_WITH_GAUGE)
    claims = [each for each in record.results if each.energy and each.energy.method == "reported"]
    found = why.record_subject(msgspec.structs.replace(record, results=tuple(claims)))
    assert (found.name, found.basis) == ("tester", "reported by the device")
