"""Netlists of the circuits, made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import pytest

from bench.gates.netlist import Netlist, split_exclusive_ors
from bench.gates.sampling import circuit
from bench.gates.synthesis import Variant, find_yosys
from hashjoule.errors import UnavailableError


@pytest.fixture(scope="session")
def mapped() -> Callable[[Variant], Netlist]:
    """Return a variant's netlist as Yosys maps it, made once; needs Yosys, which CI must have."""
    try:
        find_yosys()
    except UnavailableError as error:
        if not os.environ.get("CI"):
            pytest.skip(str(error))
        raise
    return cache(circuit)


@pytest.fixture(scope="session")
def synthesised(mapped: Callable[[Variant], Netlist]) -> Callable[[Variant], Netlist]:
    """Return a variant's netlist in simple gates."""
    return cache(lambda variant: split_exclusive_ors(mapped(variant)))
