"""The energy of a hash from the bottom up: intervals, scaling with voltage and node, and what each machine adds."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.data.energy import circuits, instruction_energies
from hashjoule.data.names import find_machine
from hashjoule.efficiency.bottom_up import (
    Estimate,
    Silicon,
    bottom_up,
    circuit_with,
    event_energy_fj,
    exactly,
    gates_j_per_th,
)
from hashjoule.efficiency.explain.counted import counted, counted_document
from hashjoule.efficiency.explain.published import published_subject
from hashjoule.efficiency.explain.types import Subject
from hashjoule.efficiency.frames import landauer_j_per_th
from hashjoule.report.counted import counted_sources, counted_text
from hashjoule.report.numbers import number
from hashjoule.report.text import WIDTH
from tests.conftest import CommandLine

positive = st.floats(1e-3, 1e3)


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    """A figure whose interval contains it."""
    value, down, up = draw(positive), draw(st.floats(1, 5)), draw(st.floats(1, 5))
    return Estimate(value, value / down, value * up)


@given(estimates(), estimates())
def test_products_hold_their_value_and_widen(a: Estimate, b: Estimate) -> None:
    """An interval contains its value, and is at least as wide as each factor's but no wider than all together."""
    product = a.times(b)
    assert product.low <= product.value * (1 + 1e-9)
    assert product.value <= product.high * (1 + 1e-9)
    assert product.high / product.value >= a.high / a.value * (1 - 1e-9)
    assert product.high <= a.high * b.high * (1 + 1e-9)


@given(estimates())
def test_a_quotient_undoes_a_product(a: Estimate) -> None:
    """Dividing by an exact figure scales all three."""
    back = a.times(exactly(7)).over(exactly(7))
    assert (back.value, back.low, back.high) == pytest.approx((a.value, a.low, a.high))


def test_an_event_at_nominal_voltage_costs_what_the_table_says() -> None:
    """28 nm at 0.93 V: 0.45 fJ; at half of it a quarter."""
    nominal = event_energy_fj(Silicon(28, exactly(0.93)))
    half = event_energy_fj(Silicon(28, exactly(0.93 / 2)))
    assert nominal.value == pytest.approx(0.45)
    assert half.value == pytest.approx(0.45 / 4)
    assert nominal.low < nominal.value < nominal.high


def test_the_gates_are_events_times_their_energy() -> None:
    """By hand for 28 nm at 0.7 V, in picojoules a hash."""
    by_hand = circuit_with(1).events * 0.45 * (0.7 / 0.93) ** 2 / 1e3
    assert gates_j_per_th(Silicon(28, exactly(0.7))).value == pytest.approx(by_hand)


def test_asicboost_saves_energy_of_gates() -> None:
    """Four midstates cost less a hash than one, by as much as the counts say."""
    silicon = Silicon(5, exactly(0.3))
    ratio = gates_j_per_th(silicon, asicboost=True).value / gates_j_per_th(silicon).value
    assert ratio == pytest.approx(circuit_with(4).events / circuit_with(1).events)
    assert 0.8 < ratio < 0.9


@pytest.mark.parametrize("machine_class", ["cpu", "gpu", "fpga", "asic"])
def test_only_fixed_logic_carries_nothing(machine_class: str) -> None:
    """All machines do the same work; programmable ones pay more to carry it, and none is below the floor."""
    silicon = Silicon(45, Estimate(1.0, 0.9, 1.1))
    found = bottom_up(machine_class, silicon, exactly(3000))
    assert found.work == bottom_up("asic", silicon, exactly(1)).work
    assert (found.carrying is None) == (machine_class == "asic")
    assert landauer_j_per_th() < found.work.low <= found.total.value
    assert found.carrying is None or found.carrying.value > found.work.value


def test_a_gpus_instructions_by_hand() -> None:
    """3,000 instructions of 30 pJ each at the node and voltage of the source."""
    known = next(row for row in instruction_energies() if row.machine_class == "gpu")
    carrying = bottom_up("gpu", Silicon(known.process_nm, exactly(known.voltage_v)), exactly(3000)).carrying
    assert carrying is not None
    assert carrying.value == pytest.approx(3000 * known.energy_pj)


def subject_of(name: str) -> Subject:
    """A published machine."""
    return published_subject(find_machine(name))


@pytest.mark.parametrize("name", ["Antminer S21", "Antminer S9", "GeForce RTX 4090", "X6500"])
def test_explain_sets_the_prediction_beside_the_machine(name: str) -> None:
    """The ratio times the prediction is the machine's energy; only mining chips have a calibrated one."""
    subject = subject_of(name)
    found = counted(subject)
    assert found is not None
    assert found.machine_over_predicted * found.predicted.total.value == pytest.approx(subject.j_per_th)
    assert (found.calibrated_j_per_th is not None) == (subject.machine_class == "asic")
    text = counted_text(subject)
    assert number(found.predicted.work.value) in text
    assert ("at most" in text) == (subject.basis == "upper bound")
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_machine_without_node_has_no_prediction() -> None:
    """Nothing is made up: the document says null, the text says why, and no source is named."""
    subject = dataclasses.replace(subject_of("Antminer S21"), process_nm=None)
    assert counted_document(subject) is None
    assert counted_text(subject).startswith("From the bottom up: unknown")
    assert counted_sources(subject) == []


def test_the_command_tells_it(hashjoule: CommandLine) -> None:
    """As text and as JSON."""
    assert "gates of a hash" in hashjoule("explain", "--machine", "Antminer S21")[1]
    told = json.loads(hashjoule("explain", "--machine", "Antminer S21", "--json")[1])["bottom_up"]
    assert told["gates_j_per_th"]["low"] < told["gates_j_per_th"]["value"] < told["gates_j_per_th"]["high"]
    assert told["predicted_j_per_th"]["value"] * told["machine_over_predicted"] == pytest.approx(17.5)


def test_the_shipped_rows_hold_their_intervals() -> None:
    """Every figure lies in its interval."""
    for circuit in circuits():
        assert circuit.events_low < circuit.events < circuit.events_high
    for row in instruction_energies():
        assert row.low_pj <= row.energy_pj <= row.high_pj
        assert math.isfinite(row.voltage_v)
