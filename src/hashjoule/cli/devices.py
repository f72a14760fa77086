"""`hashjoule devices`."""

from __future__ import annotations

from dataclasses import asdict

import click

from hashjoule import backends, check, meters
from hashjoule.backends import BackendSpec, c
from hashjoule.cli.common import json_option
from hashjoule.errors import HashjouleError
from hashjoule.meters import Meter
from hashjoule.records.facts import host_facts
from hashjoule.records.files import to_json
from hashjoule.report.text import columns


@click.command("devices")
@json_option
def devices_command(as_json: bool) -> None:
    """List the backends, devices and meters of this machine.

    For each that cannot be used: why not, and what to install or allow.
    """
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
    click.echo(f"{machine.cpu}, {machine.cores} cores, {machine.memory / 2**30:.0f} GiB, {machine.os}")
    click.echo(f"features: {', '.join(machine.features) or 'none that a variant needs'}\n")
    lines = [
        [r.name, r.device, str(r.lanes or "-"), "yes" if s is None else "no", s or r.runtime]
        for r, s in zip(specs, states, strict=True)
    ]
    click.echo(columns(["backend", "device", "lanes", "usable", "with, or why not"], lines, left=5))
    lines = [[m.name, m.scope, m.method, "no" if m.unavailable else "yes", m.unavailable or m.source] for m in known]
    click.echo("\n" + columns(["meter", "scope", "method", "usable", "with, or why not"], lines, left=5))
    if all(meter.unavailable for meter in known):
        click.echo("\nno meter can be read: declare the power with `hashjoule bench --watts W` if you know it")


def _plain(meter: Meter) -> dict[str, str | None]:
    fields = ("name", "source", "scope", "method", "covers", "pci_bus_id", "unavailable")
    return {field: getattr(meter, field) for field in fields}


def _state(spec: BackendSpec) -> str | None:
    """None if the spec is usable and passes its self-test, else why not."""
    if spec.unavailable:
        return spec.unavailable
    try:
        check.ready(spec)
    except HashjouleError as error:
        return str(error)
    return None
