"""`hashjoule devices`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict

import click

from hashjoule import backends, check, meters
from hashjoule.backends import BackendSpec, c
from hashjoule.cli.common import command, json_option
from hashjoule.errors import HashjouleError
from hashjoule.meters import STEPS, Meter, plugs
from hashjoule.records.facts import host_facts
from hashjoule.records.files import to_json
from hashjoule.report.numbers import count, number, power
from hashjoule.report.text import WIDTH, wrapped


@command("devices", examples=("hashjoule devices", "hashjoule devices --json"))
@click.option("--meter", metavar="URL", help="Ask a wall plug instead: what it shows, and how fine (see `bench`).")
@json_option
def devices_command(meter: str | None, as_json: bool) -> None:
    """List the backends, devices and meters of this machine.

    For each that cannot be used: why not, and what to install or allow. Backends that are compiled on this machine
    are not opened; `hashjoule check` does that.
    """
    if meter:
        plug = plugs.meter(meter)
        click.echo(to_json(_plain(plug)) if as_json else _plug(plug))
        return
    specs = backends.specs()
    states = [_state(spec) for spec in specs]
    known = meters.meters()
    machine = host_facts(c.features(), None)
    if as_json:
        listed = [
            {"name": r.name, "device": r.device, "lanes": r.lanes, "runtime": r.runtime, "unavailable": s}
            | {"hardware": r.hardware and asdict(r.hardware), "facts": r.facts}
            for r, s in zip(specs, states, strict=True)
        ]
        click.echo(to_json({"machine": machine, "backends": listed, "meters": [_plain(m) for m in known]}))
        return
    click.echo(f"{machine.cpu}, {count(machine.cores, 'core')}, {machine.memory / 2**30:.0f} GiB\n{machine.os}")
    click.echo(wrapped(f"instruction sets: {', '.join(machine.features) or 'none that a variant needs'}"))
    rows = [(r.name, s is None, s or _described(r)) for r, s in zip(specs, states, strict=True)]
    click.echo(f"\n{_listed('backend', rows)}")
    rows = [(m.name, m.unavailable is None, m.unavailable or f"{m.source}: {m.scope}, {m.method}") for m in known]
    click.echo(f"\n{_listed('meter', rows)}")
    if all(m.unavailable for m in known):
        click.echo(
            "\n" + wrapped("No meter can be read. A wall plug works everywhere (--meter URL; see docs/meters.md).")
        )


def _listed(title: str, rows: Iterable[tuple[str, bool, str]]) -> str:
    """Return names, whether each can be used, and a text in lines that fit the terminal."""
    rows = list(rows)
    width = max(len(title), *(len(name) for name, _, _ in rows))
    indent = " " * (width + 2 + len("usable") + 2)
    lines = [f"{title:{width}}  usable  with, or why not"]
    for name, usable, words in rows:
        head = f"{name:{width}}  {'yes' if usable else 'no':6}  "
        lines.append(
            textwrap.fill(
                words,
                WIDTH,
                initial_indent=head,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def _described(spec: BackendSpec) -> str:
    lanes = f", {spec.lanes} lanes" if spec.lanes > 1 else ""
    device = "the calling thread" if spec.device == "cpu" else spec.device
    address = f", PCI {spec.hardware.pci_bus_id}" if spec.hardware and spec.hardware.pci_bus_id else ""
    return f"{device}{lanes}{address}; {spec.runtime or 'hashlib'}"


def _plug(plug: Meter) -> str:
    """Return what a plug shows and how fine it is."""
    if plug.method == "counter":
        figure = f"an energy counter with steps of {number(plug.step_j)} J"
    else:
        figure = "power, which is integrated"
    moving = plug.power_w is not None
    good = f"of {number(plug.shortest_s)} s or more" if moving else f"of {STEPS} steps or more"
    sentences = [
        f"{plug.source} {f'shows {power(plug.power_w)} now' if moving else 'did not move while it was watched'}.",
        f"Read by {figure}; its figures renew every {number(plug.interval_s)} s.",
        f"A reading {good} is good to 1% of what the plug counts; how well the plug itself is calibrated comes on top "
        "(docs/meters.md).",
        *(f"Note: {caution}." for caution in plug.cautions),
    ]
    return "\n".join(wrapped(sentence) for sentence in sentences)


def _plain(meter: Meter) -> dict[str, object]:
    fields = ("name", "source", "scope", "method", "covers", "pci_bus_id", "unavailable")
    fine = ("power_w", "step_j", "interval_s", "shortest_s", "cautions")
    return {field: getattr(meter, field) for field in fields + fine}


def _state(spec: BackendSpec) -> str | None:
    """Return None if the spec is usable and, where that takes no compiler, passes its self-test; else why not."""
    if spec.unavailable or spec.prepare_s:
        return spec.unavailable
    try:
        check.ready(spec)
    except HashjouleError as error:
        return str(error)
    return None
