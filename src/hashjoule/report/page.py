"""The report: one self-contained HTML page, made of the same rows, explanations and figures as the command line's.

The page asks nothing of the network: its style, its script and its data stand in it, and a content security policy
that names their hashes refuses all else. What comes from a record is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import cycle
from pathlib import Path
from string import Template
from typing import Any

import msgspec

import hashjoule
from hashjoule.efficiency import economics, explain, sources
from hashjoule.efficiency.dataset import machines
from hashjoule.efficiency.lookup import best_asic
from hashjoule.efficiency.table import Row, build_rows, select
from hashjoule.efficiency.trend import decimal_year, frontier
from hashjoule.errors import UsageError
from hashjoule.files import written
from hashjoule.records.files import to_json
from hashjoule.records.schema import Conditions, Record
from hashjoule.report import plot, svg
from hashjoule.report.record import notes
from hashjoule.report.table import HEADER, cells, host, legend, rate
from hashjoule.report.text import significant
from hashjoule.report.waterfall import LABELS, joules, short, times

Named = tuple[str, Record]
"""The name of a record's file, and the record."""

SCRIPTS = ("field.js", "chart.js", "economics.js", "page.js")
COLUMNS = (
    ("machine", "name"), ("J/TH", "j_per_th"), ("rate", "hashrate_hs"), ("W", "power_w"), ("class", "class"),
    ("shipped", "shipped"), ("nm", "node_nm"), ("x class", "class_ratio"), ("x best", "ratio"), ("maker", "maker"),
)  # fmt: skip
"""The sortable columns in the order of the page, J/TH where a phone still shows it; what each sorts by in `_point`."""
TEXTS = ("machine", "class", "shipped", "maker")
"""The columns that hold no numbers."""
_METHODS = {
    "counter": "read from an energy counter",
    "sampled": "sampled",
    "bound": "an upper bound",
    "reported": "as the device itself reports, not metered",
}
_ADDRESS = re.compile(r"(https?://[^\s;,()]*[^\s;,().])")


def write_page(records: Sequence[Named], folder: Path) -> Path:
    """Writes the page of these records as `index.html`, whole or not at all; returns its path.

    Raises:
        UsageError: if the folder cannot be made or written.
    """
    path = folder / "index.html"
    text = render(records)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written(text.encode(), folder) as new:
            new.chmod(0o644)
            new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return path


def render(records: Sequence[Named]) -> str:
    """The page as text. Without records it shows the published field alone."""
    rows = select(build_rows(machines(), records))
    style, script = _style(), "\n".join(map(_asset, SCRIPTS))
    title, deck = _headline(records, rows)
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        title=escape(title),
        deck=escape(deck),
        nav_machine='<a href="#machine">The machine</a>' if records else "",
        machines="\n".join(_machine(index, named) for index, named in enumerate(records)),
        field_title=escape(plot.frontier_title(plot.halving_fits(rows))),
        stars="Stars are your measurements." if records else "",
        classes=_class_boxes(rows),
        makers="".join(f"<option>{escape(maker)}</option>" for maker in _makers(rows)),
        head=_table_head(),
        body="\n".join(_table_row(index, row) for index, row in enumerate(rows)),
        legend=escape("; ".join(legend(rows))),
        field_source=escape(plot.source(rows)),
        why=_why(records),
        economics_sources=_economics_sources(),
        counts=_counts(rows),
        version=escape(hashjoule.__version__),
        data=_embedded(msgspec.json.encode(_data(rows)).decode()),
        records="\n".join(
            f'<script type="application/json" id="record-{index}">{_embedded(to_json(record))}</script>'
            for index, (_, record) in enumerate(records)
        ),
    )


def _asset(name: str) -> str:
    return (importlib.resources.files("hashjoule.report") / "assets" / name).read_text(encoding="utf-8")


def _style() -> str:
    colours = plot.COLOURS | {"yours": plot.YOURS}
    return f":root {{ {' '.join(f'--{name}: {value};' for name, value in colours.items())} }}\n{_asset('page.css')}"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(json: str) -> str:
    """JSON that is safe inside a script element: no "<" that could end it or begin a comment."""
    return json.replace("<", "\\u003c")


def _headline(records: Sequence[Named], rows: Sequence[Row]) -> tuple[str, str]:
    """The title and what stands below it: the finding of the best metered result, else of the fastest one."""
    results = [(record, result) for _, record in records for result in record.results]
    published = [row for row in rows if row.origin == "published"]
    if not results:
        deck = f"{len(published)} machines, from CPUs to mining chips, each with its source, and why they differ."
        return "What a terahash costs", deck
    metered = [(result.j_per_th.value, record, result) for record, result in results if result.j_per_th]
    if metered:
        value, record, result = min(metered, key=lambda found: found[0])
        best, best_j_per_th = best_asic()
        most = "at most " if result.energy and result.energy.method == "bound" else ""
        title = f"{short(record.name_of(result))} takes {most}{plot.rounded(value)} joules for a terahash"
        times_best = plot.rounded(value / best_j_per_th)
        deck = f"That is {most}{times_best} times the energy of the best mining machine, {best.name}."
        return title, f"{deck} {_power_note(record)}"
    record, result = max(results, key=lambda found: found[1].hashrate_hs.median)
    title = f"{short(record.name_of(result))} makes {rate(result.hashrate_hs.median)}"
    known = sum(row.j_per_th is not None for row in published)
    return title, f"No power was measured, so its joules per terahash are not known; those of {known} others are."


def _machine(index: int, named: Named) -> str:
    name, record = named
    anchor = ' id="machine"' if index == 0 else ""
    return Template(_asset("machine.html")).substitute(
        anchor=anchor,
        index=index,
        cpu=escape(record.machine.cpu),
        facts="".join(f"<div><dt>{escape(term)}</dt><dd>{escape(fact)}</dd></div>" for term, fact in _facts(record)),
        warnings=_list("Warnings", record.conditions.warnings, "No warnings."),
        refused=_list("Refused", [refusal.reason for refusal in record.refused], ""),
        finding=escape(_rate_finding(record)),
        bars=svg.rate_bars(record),
        notes="".join(f'<p class="source">{escape(note)}</p>' for note in _notes(record)),
        file=escape(name),
    )


def _facts(record: Record) -> list[tuple[str, str]]:
    machine, conditions, software = record.machine, record.conditions, record.hashjoule
    unknown = "not known"
    return [
        ("Measured", record.created.replace("T", " ").replace("Z", " UTC")),
        ("Cores", str(machine.cores)),
        ("Clock while measuring", f"{machine.clock_hz / 1e9:.2f} GHz" if machine.clock_hz else unknown),
        ("Memory", f"{machine.memory / 2**30:.1f} GiB"),
        ("System", machine.os),
        ("Virtual machine", {True: "yes", False: "no", None: unknown}[machine.virtualised]),
        ("Load before", unknown if conditions.load is None else f"{conditions.load:.2f}"),
        ("Stolen CPU time", unknown if conditions.steal is None else f"{100 * conditions.steal:.2f} %"),
        ("Frequency governor", conditions.governor or unknown),
        ("Turbo", {True: "on", False: "off", None: unknown}[conditions.before.turbo if conditions.before else None]),
        ("Temperature", _temperatures(conditions) or unknown),
        ("Instructions", ", ".join(machine.features) or "none known"),
        ("Program", f"hashjoule {software.version}" + (f", commit {software.commit}" if software.commit else "")),
        ("Compiler of the C core", software.compiler or "not built"),
    ]


def _temperatures(conditions: Conditions) -> str:
    moments = {"before": conditions.before, "during": conditions.during, "after": conditions.after}
    known = {name: state.temperature_c for name, state in moments.items() if state and state.temperature_c is not None}
    return ", ".join(f"{celsius:.0f} °C {name}" for name, celsius in known.items())


def _list(title: str, entries: Sequence[str], none: str) -> str:
    if not entries:
        return f'<p class="muted">{escape(none)}</p>' if none else ""
    items = "".join(f"<li>{escape(entry)}</li>" for entry in entries)
    return f'<div class="warnings"><h3>{title}</h3><ul>{items}</ul></div>'


def _rate_finding(record: Record) -> str:
    """The fastest code on one core and how far it is ahead of hashlib; the fastest device where no code ran on one."""
    on_one_core = [result for result in record.results if record.cores_of(result) == 1]
    compared = on_one_core or list(record.results)
    if not compared:
        return "No backend gave a rate that can be trusted"
    fastest = max(compared, key=lambda result: result.hashrate_hs.median)
    what = "is the fastest code on one core" if on_one_core else "is the fastest"
    finding = f"{fastest.backend} {what}, {rate(fastest.hashrate_hs.median)} {fastest.mode}"
    base = [r for r in compared if r.backend == "reference" and r.mode == fastest.mode and r is not fastest]
    if not base:
        return finding
    return f"{finding}: {times(fastest.hashrate_hs.median / base[0].hashrate_hs.median)} times the hashlib reference"


def _power_note(record: Record) -> str:
    """How the power was had, if there is one."""
    found = sorted({(r.energy.method, r.energy.scope, r.energy.source) for r in record.results if r.energy})
    said = [
        "The power was declared by the person who measured, not metered."
        if method == "declared"
        else f"Power of the {scope}: {_METHODS[method]} ({source})."
        for method, scope, source in found
    ]
    return " ".join(said)


def _notes(record: Record) -> list[str]:
    """What the bars do not say: joules with all power and above idle, and the notes of `hashjoule show`."""
    found = [note for note in [_power_note(record)] if note]
    for result in record.results:
        if result.j_per_th and result.j_per_th_above_idle:
            gross, net = joules(result.j_per_th.value), joules(result.j_per_th_above_idle.value)
            found.append(f"{result.backend} {result.mode}: {gross} J/TH with all power, {net} above idle.")
    return found + notes(record)


def _class_boxes(rows: Sequence[Row]) -> str:
    return "".join(
        f'<label class="class"><input type="checkbox" name="class" value="{name}" checked>'
        f'<svg class="mark" aria-hidden="true" viewBox="-8 -8 16 16"><path class="{name}" data-mark="{name}"/></svg>'
        f"{plot.NAMES[name]}</label>"
        for name in plot.NAMES
        if any(row.machine_class == name for row in rows)
    )


def _makers(rows: Sequence[Row]) -> list[str]:
    return sorted({row.maker for row in rows if row.maker}, key=str.casefold)


def _table_head() -> str:
    sortable = "".join(
        f'<th scope="col"{_numeric(name)}{_sorted(key)}><button type="button" data-sort="{key}">{name}</button></th>'
        for name, key in COLUMNS
    )
    return f'{sortable}<th scope="col">source</th>'


def _sorted(key: str) -> str:
    """Rows come as `select` sorts them, by J/TH."""
    return ' aria-sort="ascending"' if key == "j_per_th" else ""


def _numeric(column: str) -> str:
    return "" if column in TEXTS else ' class="number"'


def _table_row(index: int, row: Row) -> str:
    texts = dict(zip(HEADER, cells(row), strict=False)) | {"maker": row.maker}
    inner = "".join(f"<td{_numeric(name)}>{escape(texts[name])}</td>" for name, _ in COLUMNS[1:])
    marked = ' class="measured"' if row.origin == "measured" else ""
    shown = escape(host(row))
    link = f'<a href="{escape(row.source)}">{shown}</a>' if _url(row) else shown
    return f'<tr{marked} data-row="{index}"><th scope="row">{escape(texts["machine"])}</th>{inner}<td>{link}</td></tr>'


def _url(row: Row) -> str:
    """The address of a published source, if it is one that a browser should open."""
    return row.source if row.origin == "published" and row.source.startswith(("https://", "http://")) else ""


def _data(rows: Sequence[Row]) -> dict[str, Any]:
    """What the page's script works with."""
    number = {id(row): index for index, row in enumerate(rows)}
    notable = [row for name in plot.NOTABLE["frontier"] for row in rows if row.name == name]
    return {
        "rows": [_point(row) for row in rows],
        "frontier": [number[id(row)] for row in frontier(rows)],
        "until": decimal_year(plot.newest(rows)),
        "notable": [number[id(row)] for row in notable],
        "trends": _trends(rows),
        "economics": _economics(rows),
    }


def _point(row: Row) -> dict[str, Any]:
    texts = dict(zip(HEADER, cells(row), strict=False))
    date = plot.date_of(row)
    return {
        "name": row.name,
        "model": row.model,
        "maker": row.maker,
        "chip": row.chip,
        "class": row.machine_class,
        "shipped": row.shipped,
        "year": decimal_year(date) if date else None,
        "node_nm": row.node_nm,
        "hashrate_hs": row.hashrate_hs,
        "power_w": row.power_w,
        "j_per_th": row.j_per_th,
        "class_ratio": row.ratio_to_class_best,
        "ratio": row.ratio_to_best,
        "measured": row.origin == "measured",
        "hollow": row.is_bound or row.quality == "low",
        "facts": [row.maker, date or "", texts["rate"], f"{texts['J/TH']} J/TH"],
        "label": f"{short(row.model, 26)}, {plot.bare_j_per_th(row)}" if row.j_per_th else "",
        "url": _url(row),
        "host": host(row),
    }


def _trends(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "class": "gpu" if name == "gpu" else "asic",
            "ends": [[year, fit.j_per_th(year)] for year in (fit.start, fit.end)],
            "text": f"{'GPUs: halves' if name == 'gpu' else 'halves'} every {plot.span(fit.halving_years)}",
        }
        for name, fit in plot.halving_fits(rows).items()
    ]


def _economics(rows: Sequence[Row]) -> dict[str, Any]:
    """Defaults of the sliders, the newest of the data set, and the machines to begin from."""
    best = min((row for row in frontier(rows)), key=lambda row: row.j_per_th or 0.0)
    named = [row for row in rows if row.origin == "published" and row.name in plot.NOTABLE["frontier"]]
    chosen = [*(row for row in rows if row.origin == "measured"), best, *(row for row in named if row is not best)]
    metered = sorted((row for row in chosen if row.j_per_th), key=lambda row: row.j_per_th or 0.0)
    start = next((row for row in metered if row.origin == "measured"), best)
    return {
        "price": sources.median_electricity_price().price_usd_per_kwh,
        "btc": sources.latest("btc_price_monthly_mean").value,
        "network": sources.latest("network_hashrate_monthly_mean").value / 1e6,
        "subsidy_btc": sources.subsidy_eras()[-1].subsidy_btc,
        "blocks_per_day": economics.BLOCKS_PER_DAY,
        "machines": [
            {"name": row.name, "hashrate_hs": row.hashrate_hs, "j_per_th": row.j_per_th, "start": row is start}
            for row in [*metered, *(row for row in chosen if not row.j_per_th)]
        ],
    }


def _economics_sources() -> str:
    price, era = sources.median_electricity_price(), sources.subsidy_eras()[-1]
    figures = [
        (f"Electricity: {price.price_usd_per_kwh:g} USD/kWh, the median of {price.region}", price.date, price),
        *(
            (f"{name}: {significant(point.value / scale)} {unit}", point.date, point)
            for name, metric, scale, unit in (
                ("Bitcoin", "btc_price_monthly_mean", 1.0, "USD"),
                ("Network", "network_hashrate_monthly_mean", 1e6, "EH/s"),
            )
            for point in [sources.latest(metric)]
        ),
        (f"Subsidy: {era.subsidy_btc:g} BTC a block; fees are counted as nothing", f"since {era.first_month}", era),
    ]
    return "".join(
        f"<li>{escape(text)} ({escape(date)}): {_linked(row.source_url)}</li>" for text, date, row in figures
    )


def _linked(text: str) -> str:
    """Text for HTML in which every web address is a link that shows its host."""
    parts = _ADDRESS.split(text)  # the odd ones are addresses
    return "".join(
        f'<a href="{escape(part)}">{escape(part.split("/")[2].removeprefix("www."))}</a>' if odd else escape(part)
        for odd, part in zip(cycle((False, True)), parts, strict=False)
    )


def _why(records: Sequence[Named]) -> str:
    metered = [record for _, record in records if any(result.j_per_th for result in record.results)]
    best = explain.best_subject()
    if metered:
        return "\n".join(_waterfall(explain.explain(explain.record_subject(record), best)) for record in metered)
    gpus = [machine for machine in machines() if machine.machine_class == "gpu" and machine.quality != "low"]
    example = min((m for m in gpus if m.j_per_th), key=lambda machine: machine.j_per_th or 0.0)
    text = f"here is a published machine as an example: {example.name}, the GPU with the fewest joules."
    if records:
        text = f"The record has no power, so there is no energy of this machine to explain; {text}"
    else:
        text = text[0].upper() + text[1:]
    return f"<p>{escape(text)}</p>\n" + _waterfall(explain.explain(explain.published_subject(example), best))


def _waterfall(explanation: explain.Explanation) -> str:
    subject, best = explanation.subject, explanation.best
    assumptions = "".join(
        f"<dt>{escape(LABELS[factor.name])}</dt><dd>{_linked(f'{factor.note}. Source: {factor.source}.')}</dd>"
        for factor in explanation.factors
    )
    ends = (
        f"{subject.name}: {joules(subject.j_per_th)} J/TH ({subject.basis}; {subject.source}). "
        f"{best.name}: {joules(best.j_per_th)} J/TH ({best.basis}; {best.source})."
    )
    return (
        f'<figure class="chart"><figcaption><h3>{escape(svg.waterfall_title(explanation))}</h3>'
        "<p>Joules per terahash on a logarithmic scale. From the machine down to the best ASIC, each step divides the "
        "energy that is left; the factors multiply to the gap exactly. Thin lines and small figures are intervals."
        f'</p></figcaption>\n<div class="lines waterfall">{svg.waterfall(explanation)}</div>\n'
        f'<p class="source">{_linked(ends)}</p><details><summary>What each step assumes, and its source</summary>'
        f'<dl class="notes">{assumptions}</dl></details></figure>'
    )


def _counts(rows: Sequence[Row]) -> str:
    found: Counter[str] = Counter(row.machine_class for row in rows if row.origin == "published")
    return escape(", ".join(f"{found[name]} {plural}" for name, plural in plot.NAMES.items()))
