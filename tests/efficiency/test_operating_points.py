"""What is known of a machine's code and voltage is its own, or is a range wide enough to hold it."""

from __future__ import annotations

import pytest

from hashjoule.data.names import find_machine
from hashjoule.efficiency import explain as why
from hashjoule.efficiency.explain.published import gpu_operations
from hashjoule.efficiency.operations import BIT_SELECT, WIDE, count_operations


def subject(name: str) -> why.Subject:
    """A published machine as a subject."""
    return why.published_subject(find_machine(name))


def test_cypress_costs_what_its_source_counts() -> None:
    """The Radeon HD 5970 selects bits in one instruction but has no three-input logic: 3,757 by its source."""
    operations = subject("Radeon HD 5970").operations
    assert operations.count == 3757
    assert operations.low > count_operations(WIDE)
    assert operations.low <= operations.count <= operations.high
    assert "hdminer" in operations.source


@pytest.mark.parametrize("name", ["GeForce GTX 570", "GeForce GTX 480", "Radeon HD 4870"])
def test_old_gpus_have_no_three_input_logic(name: str) -> None:
    """NVIDIA before Maxwell and AMD before Cypress take more instructions than any code with bit select."""
    assert gpu_operations(name).count > count_operations(BIT_SELECT)


def test_published_rate_fits_under_the_least_count() -> None:
    """The 9.6 GH/s of an RTX 4090 leaves room for 2,389 instructions a hash: the range reaches below that."""
    operations = subject("GeForce RTX 4090").operations
    assert operations.low <= 2389 <= operations.high


@pytest.mark.parametrize("name", ["GeForce RTX 4090", "Radeon HD 5970", "Quadro P4000"])
def test_measured_and_published_gpus_count_alike(name: str) -> None:
    """One table serves both: a device name in a record gives what the published machine has."""
    assert gpu_operations(f"NVIDIA {name}") == why.published_subject(find_machine(name), 100).operations


def test_an_unknown_gpu_has_the_range_of_all() -> None:
    """Whatever its architecture is, its count lies within."""
    unknown = gpu_operations("Voodoo 2")
    assert unknown.low <= 2066
    assert unknown.high >= 5884


@pytest.mark.parametrize(("name", "volts"), [("Antminer S1", 1.12), ("Antminer S19", 0.36), ("Antminer S19 Pro", 0.32)])
def test_a_stock_voltage_is_the_machines_own(name: str, volts: float) -> None:
    """The S1's is not the mean of a data sheet, and the S19's not mixed with the S19 Pro's."""
    supply = subject(name).supply
    assert supply is not None
    assert supply.value_v == pytest.approx(volts)
    assert "own operating point" in supply.source


def test_another_mode_has_no_voltage_of_its_own() -> None:
    """The stock voltage is not that of an underclocked mode: its range is that of the chip in other machines."""
    stock, other = subject("Antminer S9 14T").supply, subject("Antminer S9 11.5T").supply
    assert stock is not None
    assert other is not None
    assert other.high_v / other.low_v >= stock.high_v / stock.low_v


@pytest.mark.parametrize("name", ["Bitaxe Gamma 601", "Bitaxe Supra 400", "Bitaxe Ultra 200", "Icarus"])
def test_the_rest_is_not_falsely_precise(name: str) -> None:
    """An interval of 1.58 to 1.59 said nothing of the scatter of chips; node and voltage come from our own tables."""
    machine = subject(name)
    rest = next(factor for factor in why.explain(machine).factors if factor.name == "rest")
    assert rest.high / rest.low > 3
    assert machine.process_nm is not None
    assert machine.supply is not None
