"""The text of results/calibration.md."""

from __future__ import annotations

from bench.calibration import tables
from bench.calibration.study import BAR_WITH_VOLTAGE, BAR_WITHOUT, Study, study
from hashjoule.efficiency.calibration import median_error, rms_error


def report() -> str:
    """Return the whole report."""
    found = study()
    parts = [_question(found), _validation(found), _baselines(found)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _met(value: float, bar: float) -> str:
    return f"{value:.3f} decades, a factor {10**value:.2f}; the bar is {bar:g}: {'met' if value <= bar else 'missed'}"


def _question(found: Study) -> str:
    model, (low, high) = found.model, found.model.node_exponent_interval
    return f"""
# Calibration of the energy model

Written by `python -m bench.calibration_report`; `--check` fails when the data or the model no longer give these
numbers.

    E = overhead x operations x node^a x V^2

Fitted to {model.chips} chips: a = {model.node_exponent:.2f} ({low:.2f} to {high:.2f}).
"""


def _validation(found: Study) -> str:
    return f"""
## Validation

Every chip predicted by a fit to all others: {_met(median_error(found.left_out), BAR_WITH_VOLTAGE)};
{found.interval.low:.3f} to {found.interval.high:.3f} by a bootstrap over chips.
Root mean square {rms_error(found.left_out):.3f}.
Without voltages: {_met(median_error(found.without_voltage), BAR_WITHOUT)}.

{tables.predictions_table(found.left_out)}
"""


def _baselines(found: Study) -> str:
    return f"""
## Baselines

{tables.baselines_table(found)}

{tables.free_table(found)}

{tables.exponents_table()}

{tables.wall_table()}

{tables.operations_table()}
"""
