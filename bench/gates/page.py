"""results/gates.md: what was counted, in tables and a picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.gates import package_data, savings
from bench.gates.cells import (
    EVENT_ENERGY_RATIO,
    REGISTER,
    REGISTER_CLOCK_EVENTS,
    REGISTER_DATA_EVENTS,
)
from bench.gates.counts import LIKELY, REGISTERS, Count
from bench.gates.energy_page import energy_sections
from bench.gates.pictures import pictures
from bench.gates.results import ROOT, Results
from bench.gates.sampling import BLOCKS, NONCES, STUDIED
from bench.gates.synthesis import ADDERS
from bench.gates.table import between, share, table, whole
from hashjoule.data.energy import circuits
from hashjoule.efficiency.bottom_up import Estimate
from hashjoule.efficiency.frames import COURTOIS_COMPRESSIONS, HANKE_SAVING
from hashjoule.report.numbers import number

TARGET = ROOT / "results" / "gates.md"
BRAIINS_SAVING = 0.13
"""What AsicBoost saved an Antminer S9 by its firmware's maker. Source: see its row in data/hardware.csv."""
FUNCTIONS = ("adders", "sigmas", "Ch", "Maj", "control")


def files(results: Results) -> dict[Path, str]:
    """Return everything that is made from the counts: the page, the pictures and the package's data."""
    return {TARGET: page(results), package_data.TARGET: package_data.csv_text(results), **pictures(results)}


def write(results: Results) -> None:
    """Write the files. The package's data come first: the others are computed from them."""
    package_data.TARGET.write_text(package_data.csv_text(results), "utf-8")
    circuits.cache_clear()
    for path, text in files(results).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


def outdated(results: Results) -> list[Path]:
    """Return the files that the counts would now give another text."""
    return [p for p, text in files(results).items() if not p.exists() or p.read_text("utf-8") != text]


def page(results: Results) -> str:
    """Return the page."""
    return "\n\n".join(
        [
            *_opening(results),
            *_functions(results.of(STUDIED[0])),
            *_circuits(results),
            *_glitches(results),
            *_asicboost(results),
            *_shortcuts(results),
            *energy_sections(),
            *_method(results),
        ]
    ) + "\n"  # fmt: skip


def _opening(results: Results) -> Iterable[str]:
    count = results.of(STUDIED[0])
    useful, every = count.sum("useful"), count.sum("all")
    low, high = results.spread()
    yield "# What a hash takes in gates"
    yield (
        "Written by `python -m bench.gates`, which maps the Verilog of `rtl/` to gates with Yosys and runs them on "
        "nonces of real blocks; `--check` counts a small case again. Nothing on this page is fitted to "
        "a mining machine."
    )
    yield (
        f"One double SHA-256 of a block header in a fully unrolled pipeline ({count.variant}) takes "
        f"**{whole(useful)} useful transitions** of gates, **{whole(every - useful)} glitches**, "
        f"{whole(count.sum('useful', REGISTERS))} changes of register bits and "
        f"{whole(2 * count.registers * count.cycles_per_hash)} clock edges at registers. Weighed by the capacitance "
        f"that they charge, these are **{whole(count.events())} switching events** ({whole(low * count.events())} to "
        f"{whole(high * count.events())}). A switching event is one transition of an inverter that drives four others."
    )
    yield "![Where the switching events of a hash go](gates.svg)"


def _functions(count: Count) -> Iterable[str]:
    yield "## Where the transitions go"
    rows = []
    for function in (*FUNCTIONS, REGISTERS):
        useful, every = count.sum("useful", function), count.sum("all", function)
        events = count.register_events() if function == REGISTERS else count.sum("all_events", function)
        nodes = int(count.sum("nodes", function))
        rows.append((function, whole(nodes), whole(useful), whole(every - useful), whole(events),
                     share(events, count.events())))  # fmt: skip
    edges, clock = 2 * count.registers * count.cycles_per_hash, count.clock_events()
    rows.append(("clock", "-", whole(edges), "-", whole(clock), share(clock, count.events())))
    yield table(("function", "nodes", "useful", "glitches", "events", "share of events"), rows)
    yield "The same by the part of the work, clock included:"
    yield table(("part", "events", "share of events"), _parts(count))


def _parts(count: Count) -> list[tuple[str, str, str]]:
    """Return the events of each part of the double hash."""
    sums: dict[str, float] = {}
    per_bit = count.cycles_per_hash * REGISTER_CLOCK_EVENTS[LIKELY]
    for total in count.totals:
        clock = total.nodes * per_bit if total.function == REGISTERS else 0.0
        sums[total.part] = sums.get(total.part, 0.0) + total.all_events + clock
    return [(part, whole(events), share(events, count.events())) for part, events in sums.items()]


def _circuits(results: Results) -> Iterable[str]:
    counts = [results.of(name) for name in dict.fromkeys(count.variant for count in results.counts)]
    yield "## All circuits"
    yield (
        "`shortcuts` leaves out what our kernels leave out (rounds before the nonce, message words that are padding, "
        "the last rounds' unused halves); `plain` computes two whole compressions; `looped` has four rounds in "
        "hardware that turn 64 times. The last number of a name is that of the midstates, of `looped` "
        "the rounds in hardware."
    )
    yield table(
        ("circuit", "gates", "flip-flops", "useful", "glitches", "register changes", "clock edges", "events"),
        [
            (
                count.variant,
                whole(sum(count.cells.values()) - count.registers),
                whole(count.registers),
                whole(count.sum("useful")),
                whole(count.sum("all") - count.sum("useful")),
                whole(count.sum("useful", REGISTERS)),
                whole(2 * count.registers * count.cycles_per_hash),
                whole(count.events()),
            )
            for count in counts
        ],
    )
    yield "Gates by kind, as Yosys maps them:"
    kinds = sorted({kind for count in counts for kind in count.cells} - {REGISTER})
    yield table(
        ("circuit", *kinds, "flip-flops"),
        [(c.variant, *(whole(c.cells.get(kind, 0)) for kind in kinds), whole(c.registers)) for c in counts],
    )


def _glitches(results: Results) -> Iterable[str]:
    yield "## Glitches"
    yield (
        "A gate whose inputs come at different times changes on the way to its settled value. The glitch factor is the "
        "number of transitions over that of useful ones. It depends on how gates are timed, so each circuit is run "
        "with several models of delays; the first is the likeliest. Inertial gates swallow pulses "
        "shorter than their delay."
    )
    rows = [
        (
            f"{count.variant}: {count.delays}{'' if count.inertial else ', no pulse swallowed'}",
            whole(count.sum("useful")),
            whole(count.sum("all")),
            number(count.sum("all") / count.sum("useful")),
            whole(count.events()),
        )
        for name in STUDIED
        for count in results.counts
        if count.variant == name
    ]
    yield table(("circuit and delays", "useful", "all", "glitch factor", "events"), rows)
    yield (
        "The last row of each circuit, gates that pass every pulse however short, is an upper limit and not part of "
        "the interval. Carry-save adders save depth, not transitions: their results are added up once more in the end."
    )


def _asicboost(results: Results) -> Iterable[str]:
    low, high = HANKE_SAVING
    yield "## What AsicBoost saves"
    rows = [(f"{m} midstates", _percentages(savings.asicboost_gain(results, m))) for m in (2, 4)]
    rows.append(("endlessly many midstates", f"{100 * savings.asicboost_limit(results):.1f}%"))
    rows.append(("published: Hanke 2016", f"{100 * low:.1f}% simple, up to {100 * high:.0f}%"))
    rows.append(("measured: Antminer S9, Braiins 2018", f"{100 * BRAIINS_SAVING:.0f}%"))
    yield table(("circuit", "events saved"), rows)
    yield (
        "Intervals: with and without shortcuts, both kinds of adders, the models of delays of the pipeline with "
        "shortcuts and ripple adders for 4 midstates, and the range of what a register costs. The limit is the share "
        "of the message schedule of the first hash, the part that versions of a header can share."
    )


def _percentages(gain: Estimate) -> str:
    return f"{100 * gain.value:.1f}% ({100 * gain.low:.1f} to {100 * gain.high:.1f}%)"


def _shortcuts(results: Results) -> Iterable[str]:
    yield "## What the shortcuts save"
    rows = []
    for adder in ADDERS:
        left = savings.shortcuts_left(results, adder)
        rows.append((f"{adder} adders", f"{100 * (1 - left / 2):.1f}%", f"{left:.3f}"))
    rows.append(("published: Courtois, Grajek, Naik 2014", "-", f"{COURTOIS_COMPRESSIONS:.3f}"))
    yield table(("circuit", "events saved", "compressions left of two"), rows)


def _method(results: Results) -> Iterable[str]:
    count = results.of(STUDIED[0])
    few, many = min(count.group_events), max(count.group_events)
    yield "## How it is counted"
    yield (
        f"- {results.yosys}, {results.date}. Each gate is a static CMOS gate as strong as a unit inverter; its "
        "capacitances are those of the method of logical effort (Sutherland, Sproull and Harris 1999).\n"
        f"- {BLOCKS} blocks of Bitcoin's chain, {NONCES} nonces of each, in a full pipeline. Groups of blocks differ "
        f"by {share(many - few, count.events())}: which header is hashed does not matter.\n"
        "- Circuits of each style are compared with hashlib nonce by nonce, and the counting with a simulator that "
        "does one event after the other (`tests/gates`).\n"
        "- A register bit costs "
        f"{between(REGISTER_CLOCK_EVENTS[0], REGISTER_CLOCK_EVENTS[2])} events for the two clock edges of a cycle and "
        f"{between(REGISTER_DATA_EVENTS[0], REGISTER_DATA_EVENTS[2])} more if it changes: transistors simulated with "
        "ngspice at 130, 45 and 22 nm (`bench/gates/spice.py`). The same simulation gives "
        f"{between(*EVENT_ENERGY_RATIO)} times the energy of an event in the table of CMOS nodes.\n"
        "- Not counted: wires, the clock tree before the registers, leakage, and the conversion of power."
    )
