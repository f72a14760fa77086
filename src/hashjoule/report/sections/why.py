"""Why a machine takes so much more energy than the best ASIC: the factors of `hashjoule explain` as bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from hashjoule.data.hardware import best, machines
from hashjoule.efficiency import explain
from hashjoule.report.bars import factor_bars
from hashjoule.report.document import linked
from hashjoule.report.numbers import number
from hashjoule.report.sections.record import NamedRecord, time_of
from hashjoule.report.waterfall import LABELS, headline


def why_section(records: Sequence[NamedRecord]) -> str:
    """Return the explanation of every record with a power, or of a published machine where there is none."""
    metered = [record for _, record in records if any(result.j_per_th for result in record.results)]
    if metered:
        subjects = [explain.record_subject(record) for record in metered]
        names = Counter(subject.name for subject in subjects)
        return "\n".join(
            _figure(explain.explain(subject), time_of(record) if names[subject.name] > 1 else "")
            for record, subject in zip(metered, subjects, strict=True)
        )
    example = best(machines(), "gpu")
    assert example is not None
    reason = "No power was measured here, so there is no energy of this machine to explain. " if records else ""
    sentence = f"{reason}As an example: {example.name}, the published GPU with the fewest joules per terahash."
    return f"<p>{escape(sentence)}</p>\n" + _figure(explain.explain(explain.published_subject(example)))


def _figure(explanation: explain.Explanation, measured: str = "") -> str:
    """Return the factors under their headline, with the time of the measurement where that tells two machines apart."""
    subject, best = explanation.subject, explanation.best
    assumptions = "".join(
        f"<dt>{escape(LABELS[factor.name])}</dt><dd>{linked(f'{factor.note}. Source: {factor.source}.')}</dd>"
        for factor in explanation.factors
    )
    title = headline(explanation) + (f" ({measured})" if measured else "")
    ends = " ".join(
        f"{side.name}: {number(side.j_per_th)} J/TH ({side.basis}; {side.source})." for side in (subject, best)
    )
    return (
        f'<figure class="chart"><figcaption><h3>{escape(title)}</h3>'
        "<p>Joules per terahash on a logarithmic scale, from the machine at the top down to the best ASIC. Each step "
        "divides the energy that is left; the factors multiply to the gap exactly. Thin lines and small numbers are "
        f"intervals. The model ends at {escape(explanation.reference.name)}, the best ASIC whose chip is documented."
        f'</p></figcaption>\n<div class="lines waterfall">{factor_bars(explanation)}</div>\n'
        f'<p class="source">{linked(ends)}</p><details><summary>What each step assumes, and its source</summary>'
        f'<dl class="notes">{assumptions}</dl></details></figure>'
    )
