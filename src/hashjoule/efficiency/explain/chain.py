"""The chain of factors from a machine to the best shipping ASIC.

The factors multiply to the gap exactly: they are fractions, and the rest is what the others leave. Each has an
interval and a source. What is assumed says so; what is unknown widens the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from hashjoule.efficiency.explain.counted import counted_document
from hashjoule.efficiency.explain.factors import (
    asicboost,
    code_cost,
    instruction_overhead,
    operations_per_hash,
    process_node,
    supply_voltage,
)
from hashjoule.efficiency.explain.published import best_subject, reference_subject
from hashjoule.efficiency.explain.types import Explanation, Factor, Subject
from hashjoule.efficiency.model import EnergyModel, published_model

REST = "rest"
UNDOCUMENTED = "newer chips, undocumented"


def explain(subject: Subject, reference: Subject | None = None, best: Subject | None = None) -> Explanation:
    """Return the chain of factors from a machine to the reference, and on to the best ASIC.

    Args:
        subject: The machine to explain.
        reference: Where the modelled factors end; None for the best shipping ASIC whose chip is documented. The best
            ASIC has nothing to explain: it is its own reference.
        best: Where the chain ends; None for the best shipping ASIC.
    """
    best = best or best_subject()
    reference = reference or (best if subject == best else reference_subject())
    model = published_model()
    modelled = [
        code_cost(subject),
        operations_per_hash(subject),
        instruction_overhead(subject),
        process_node(subject, reference, model),
        supply_voltage(subject, reference),
        asicboost(subject),
    ]
    to_reference = Fraction(subject.j_per_th) / Fraction(reference.j_per_th)
    onward = Fraction(reference.j_per_th) / Fraction(best.j_per_th)
    chips = 0 if subject == reference else 2
    factors = (*modelled, _rest(to_reference, modelled, model, chips), _undocumented(onward, reference, best))
    return Explanation(subject, reference, best, to_reference * onward, factors)


def _rest(gap: Fraction, factors: Sequence[Factor], model: EnergyModel, chips: int) -> Factor:
    """Return what the factors leave: their own errors, and all that is not in the chain.

    Its 95% interval adds in quadrature the factors' intervals and the scatter of so many chips about the model.
    """
    ratio = gap / math.prod((factor.ratio for factor in factors), start=Fraction(1))
    scatter = model.t95 * model.scatter_decades * math.sqrt(chips) * math.log(10)
    down = math.hypot(scatter, *(math.log(factor.high / float(factor.ratio)) for factor in factors))
    up = math.hypot(scatter, *(math.log(float(factor.ratio) / factor.low) for factor in factors))
    return Factor(
        REST,
        ratio,
        float(ratio) * math.exp(-down),
        float(ratio) * math.exp(up),
        "what the other factors leave; interval: theirs, and the scatter of chips about the calibrated model",
        "leakage, idle parts, memory, power conversion, layout, and the errors of the factors above",
    )


def _undocumented(ratio: Fraction, reference: Subject, best: Subject) -> Factor:
    """From the best machine whose chip is documented to the best machine: what newer chips gained, unexplained."""
    unknown = "core voltage" if best.process_nm else "node and core voltage"
    return Factor(
        UNDOCUMENTED,
        ratio,
        float(ratio),
        float(ratio),
        "what both machines publish",
        f"{reference.j_per_th:.3g} to {best.j_per_th:.3g} J/TH; no good source names the {unknown} of {best.name}",
    )


def document(explanation: Explanation) -> dict[str, object]:
    """Return the explanation as plain values, for JSON."""
    return {
        "machine": _side(explanation.subject),
        "reference": _side(explanation.reference),
        "best": _side(explanation.best),
        "gap": float(explanation.gap),
        "bottom_up": counted_document(explanation.subject),
        "factors": [
            {
                "name": factor.name,
                "ratio": float(factor.ratio),
                "low": factor.low,
                "high": factor.high,
                "source": factor.source,
                "note": factor.note,
            }
            for factor in explanation.factors
        ],
    }


def _side(subject: Subject) -> dict[str, object]:
    return {
        "name": subject.name,
        "class": subject.machine_class,
        "j_per_th": subject.j_per_th,
        "basis": subject.basis,
        "source": subject.source,
        "process_nm": subject.process_nm,
        "core_voltage_v": None if subject.supply is None else subject.supply.value_v,
        "announced": subject.announced,
    }
