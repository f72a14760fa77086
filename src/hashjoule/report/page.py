"""The report: one self-contained HTML page, made of the same rows, explanations and figures as the command line's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec

import hashjoule
from hashjoule.data.hardware import best_asic, machines
from hashjoule.economics.claims.check import check_claims
from hashjoule.efficiency.table import TableRow, build_rows, select
from hashjoule.errors import UsageError
from hashjoule.files import written
from hashjoule.records.files import to_json
from hashjoule.records.schema import Record, Result
from hashjoule.report.chart import CHART_SCRIPTS
from hashjoule.report.claims import claims_html
from hashjoule.report.document import document, embedded, unbroken
from hashjoule.report.gauge import is_gauge
from hashjoule.report.numbers import count, hashrate, number
from hashjoule.report.sections.gauge import gauge_section, miners_of
from hashjoule.report.sections.machine import machine_section
from hashjoule.report.sections.money import money_data, money_sources
from hashjoule.report.sections.published import published_data, published_section
from hashjoule.report.sections.record import NamedRecord, headings, power_note
from hashjoule.report.sections.why import why_section
from hashjoule.report.views import CLASS_NAMES, short_name

SCRIPTS = ("theme.js", *CHART_SCRIPTS, "table.js", "economics.js", "page.js")

_TRUST = {"counter": 0, "sampled": 0, "reported": 1, "bound": 2, "declared": 3}
"""How far a power can be trusted, by the method that found it: a headline takes the most trusted ones alone."""
_BASES = {"declared": ", by a declared power", "reported": ", by its own report of its power"}


def write_page(records: Sequence[NamedRecord], folder: Path) -> Path:
    """Write the page of these records as `index.html`, whole or not at all, and return its path.

    Raises:
        UsageError: If the folder cannot be made or written.
    """
    path = folder / "index.html"
    html = report_page(records)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written(html.encode(), folder) as new:
            new.chmod(0o644)
            new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return path


def report_page(records: Sequence[NamedRecord]) -> str:
    """Return the page of these records; without any it shows the published machines alone."""
    rows = select(build_rows(machines(), records))
    title, deck = _headline(records, rows)
    data = {**published_data(rows), "economics": money_data(rows)}
    return document(
        "page.html",
        SCRIPTS,
        title=escape(title),
        deck=escape(deck),
        nav_machine='<a href="#machine">This machine</a>' if records else "",
        machines=_record_sections(records),
        published=published_section(rows),
        why=why_section(records),
        economics_sources=money_sources(),
        claims=claims_html(check_claims()),
        counts=_counts(rows),
        version=escape(hashjoule.__version__),
        data=embedded(msgspec.json.encode(data).decode()),
        records="\n".join(
            f'<script type="application/json" id="record-{index}">{embedded(to_json(record))}</script>'
            for index, (_, record) in enumerate(records)
        ),
    )


def _record_sections(records: Sequence[NamedRecord]) -> str:
    """Return a section for each record: of a benchmark of this machine, or of miners that were gauged."""
    names = [" and ".join(miners_of(r)) if is_gauge(r) else r.machine.cpu for _, r in records]
    titles = headings(names, [record for _, record in records])
    return "\n".join(
        (gauge_section if is_gauge(named[1]) else machine_section)(index, named, titles[index])
        for index, named in enumerate(records)
    )


def _headline(records: Sequence[NamedRecord], rows: Sequence[TableRow]) -> tuple[str, str]:
    """Return the title and the sentence below it: the least energy that was measured, else the highest rate."""
    results = [(record, result) for _, record in records for result in record.results]
    if not results:
        published = sum(row.origin == "published" for row in rows)
        return "What a terahash costs", (
            f"{published} machines, from CPUs to mining chips, each with its source, and why they differ."
        )
    with_power = [found for found in results if found[1].j_per_th and found[1].energy]
    return _energy_headline(with_power) if with_power else _rate_headline(results, rows)


def _energy_headline(results: Sequence[tuple[Record, Result]]) -> tuple[str, str]:
    record, result = min(results, key=lambda found: (_TRUST[_method(found[1])], _j_per_th(found[1])))
    best = best_asic()
    most = "at most " if _method(result) == "bound" else ""
    basis = _BASES.get(_method(result), "")
    machine = short_name(record.name_of(result))
    ratio = number(_j_per_th(result) / (best.j_per_th or float("nan")))
    return (
        f"{machine} takes {most}{number(_j_per_th(result))} joules for a terahash{basis}",
        f"That is {most}{ratio} times the energy of the best mining machine, {best.name}. {power_note([result])}",
    )


def _rate_headline(results: Sequence[tuple[Record, Result]], rows: Sequence[TableRow]) -> tuple[str, str]:
    record, result = max(results, key=lambda found: found[1].hashrate_hs.median)
    cores = record.cores_of(result)
    where = f" on {unbroken(count(cores, 'core'))}" if cores else ""
    known = sum(row.j_per_th is not None for row in rows if row.origin == "published")
    return (
        f"{short_name(record.name_of(result))} computes {unbroken(hashrate(result.hashrate_hs.median))}{where}",
        f"No power was measured, so its joules per terahash are not known. Those of {known} published machines are.",
    )


def _method(result: Result) -> str:
    return result.energy.method if result.energy else "declared"


def _j_per_th(result: Result) -> float:
    return result.j_per_th.value if result.j_per_th else float("inf")


def _counts(rows: Sequence[TableRow]) -> str:
    found: Counter[str] = Counter(row.machine_class for row in rows if row.origin == "published")
    return escape(", ".join(f"{found[name]} {plural}" for name, plural in CLASS_NAMES.items()))
