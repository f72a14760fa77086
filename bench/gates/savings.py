"""What AsicBoost and the shortcuts of the algorithm save, as counted."""

from __future__ import annotations

from bench.gates.cells import REGISTER_CLOCK_EVENTS
from bench.gates.counts import DELAYS, HIGH, LIKELY, LOW, REGISTERS
from bench.gates.results import Results
from bench.gates.sampling import STUDIED
from bench.gates.synthesis import ADDERS
from hashjoule.efficiency.bottom_up import Estimate

LIKELIHOODS = (LOW, LIKELY, HIGH)
SHARED = "schedule, first hash"
"""The part of the work that versions of a header share."""


def saved(more: float, less: float) -> float:
    """Return the part of the events that the smaller count saves."""
    return 1 - less / more


def asicboost_gain(results: Results, midstates: int) -> Estimate:
    """Return the part of a hash's events that so many midstates save.

    The interval spans styles, adders, what a register costs, and the models of delays where both circuits were counted
    with them.
    """
    pairs = [
        (results.of(f"{style}-{adder}-1"), results.of(f"{style}-{adder}-{midstates}"))
        for style in ("shortcuts", "plain")
        for adder in ADDERS
    ]
    likeliest = pairs[0]
    counted = {(count.variant, count.delays) for count in results.counts if count.inertial}
    one, many = "shortcuts-ripple-1", f"shortcuts-ripple-{midstates}"
    pairs += [(results.of(one, d), results.of(many, d)) for d in DELAYS if {(one, d), (many, d)} <= counted]
    gains = [saved(few.events(k), many.events(k)) for few, many in pairs for k in LIKELIHOODS]
    return Estimate(saved(likeliest[0].events(), likeliest[1].events()), min(gains), max(gains))


def asicboost_limit(results: Results) -> float:
    """Return the part of a hash's events in what midstates share: what endlessly many of them would save."""
    count = results.of(STUDIED[0])
    shared = [total for total in count.totals if total.part == SHARED]
    clocked = sum(total.nodes for total in shared if total.function == REGISTERS) * REGISTER_CLOCK_EVENTS[LIKELY]
    return (sum(total.all_events for total in shared) + clocked) / count.events()


def shortcuts_left(results: Results, adder: str) -> float:
    """Return the compressions that a hash with all shortcuts takes, where one without takes two.

    The first of the header's two chunks is hashed once for all nonces and counts as nothing in either.
    """
    return 2 * results.of(f"shortcuts-{adder}-1").events() / results.of(f"plain-{adder}-1").events()
