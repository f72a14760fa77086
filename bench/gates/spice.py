"""What one switching event is, and what a register costs in such events: transistors simulated with ngspice.

    python -m bench.gates.spice 130 1.2 130nm.pm  45 0.97 45nm.pm  22 0.92 22nm.pm

Each triple is a node in nm, the nominal voltage of the project's table of CMOS nodes, and a file with the Predictive
Technology Model's `nmos` and `pmos` for it (BSIM4, as on ptm.asu.edu). The models are not ours and not shipped.

An inverter in a chain drives four like it (FO4). Its delay and its energy for a transition are set beside the table,
whose source gives a delay as well. The register is the textbook's of 24 transistors: two transmission gates, two
inverters with clocked feedback, an inverter at the input, and two for its clock. Every inverter has NMOS of 1.5 times
the node's length and PMOS twice as wide; drains are simulated without and with capacitance, for the models say nothing
of layout.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hashjoule.errors import HashjouleError, UnavailableError, UsageError

TABLE_DELAYS_PS = {130: 34.7, 45: 10.9, 22: 9.68}
"""Delays beside the energies of the table of CMOS nodes. Source: rankine.py, see data/cmos_nodes.csv."""

TABLE_ENERGIES_FJ = {130: 5.2, 45: 1.05, 22: 0.30}

NMOS_LENGTHS, DRAIN_LENGTHS = 1.5, 2.5
"""Width of an NMOS and length of a drain, in lengths of the gate."""


@dataclass(frozen=True)
class Findings:
    """Of one node: delay and energy of an event, and a register's costs in events."""

    delay_ps: float
    event_fj: float
    clock_events: float
    """Both clock edges of a cycle in which nothing changes, with the load that the clock pin is."""
    data_events: float
    """What a change of the output costs in addition, without its load."""


def _library(length_m: float, drains: bool) -> list[str]:
    """Return the subcircuits: inverter, transmission gate, clocked inverter, register."""
    narrow = NMOS_LENGTHS * length_m

    def transistor(name: str, nodes: str, kind: str, width: float) -> str:
        area, edge = (width * DRAIN_LENGTHS * length_m, 2 * (width + DRAIN_LENGTHS * length_m)) if drains else (0, 0)
        size = f"w={width:.4g} l={length_m:.4g}"
        return f"m{name} {nodes} {kind} {size} ad={area:.4g} as={area:.4g} pd={edge:.4g} ps={edge:.4g}"

    return [
        ".subckt inverter a y vdd",
        transistor("p", "y a vdd vdd", "pmos", 2 * narrow),
        transistor("n", "y a 0 0", "nmos", narrow),
        ".ends",
        ".subckt pass a y c cb vdd",
        transistor("n", "a c y 0", "nmos", narrow),
        transistor("p", "a cb y vdd", "pmos", narrow),
        ".ends",
        ".subckt clocked a y c cb vdd",
        transistor("p1", "x a vdd vdd", "pmos", narrow),
        transistor("p2", "y cb x vdd", "pmos", narrow),
        transistor("n1", "z a 0 0", "nmos", narrow),
        transistor("n2", "y c z 0", "nmos", narrow),
        ".ends",
        ".subckt register d clk q vdd",
        "xclk1 clk cb vdd inverter",
        "xclk2 cb c vdd inverter",
        "xin d di vdd inverter",
        "xpass1 di m cb c vdd pass",
        "xmaster m mi vdd inverter",
        "xhold1 mi m c cb vdd clocked",
        "xpass2 mi s c cb vdd pass",
        "xslave s q vdd inverter",
        "xhold2 q s cb c vdd clocked",
        ".ends",
    ]


def _simulate(lines: list[str], measures: dict[str, str], seconds: str) -> dict[str, float]:
    """Run a circuit and return its measurements by name."""
    control = [".control", f"tran 0.2p {seconds}", *(f"meas tran {name} {what}" for name, what in measures.items())]
    with tempfile.TemporaryDirectory() as folder:
        deck = Path(folder) / "deck.sp"
        deck.write_text("\n".join(["* gates", ".option temp=25", *lines, *control, "quit", ".endc", ".end"]), "utf-8")
        out = subprocess.run(["ngspice", "-b", str(deck)], capture_output=True, text=True, check=False).stdout
    found = {name: re.search(rf"^{name}\s*=\s*(\S+)", out, re.MULTILINE) for name in measures}
    if not all(found.values()):
        raise HashjouleError(f"ngspice measured nothing: {out.strip()[-300:]}")
    return {name: float(match[1]) for name, match in found.items() if match}


def inverter(card: Path, node_nm: float, supply_v: float, drains: bool) -> tuple[float, float]:
    """Return delay in ps and energy in fJ of a transition, mean of rising and falling, of an inverter driving four."""
    middle = supply_v / 2
    chain = [f"x{i} n{i} n{i + 1} {'own' if i == 3 else 'vdd'} inverter" for i in range(6)]
    others = [f"xload{i}{k} n{i + 1} open{i}{k} vdd inverter" for i in range(6) for k in range(3)]
    circuit = [
        f".include {card.resolve()}",
        *_library(node_nm * 1e-9, drains),
        f"vdd vdd 0 {supply_v}",
        f"vown own 0 {supply_v}",
        f"vin n0 0 pulse(0 {supply_v} 1n 20p 20p 2n 4n)",
        *chain,
        *others,
    ]
    measured = _simulate(
        circuit,
        {
            "fall": f"trig v(n3) val={middle} rise=1 targ v(n4) val={middle} fall=1",
            "rise": f"trig v(n3) val={middle} fall=1 targ v(n4) val={middle} rise=1",
            "charge": "integ i(vown) from=0.9n to=4.9n",
            "leak0": "avg i(vown) from=0.5n to=0.9n",
            "leak1": "avg i(vown) from=2.5n to=2.9n",
        },
        "5.2n",
    )
    leaked = (measured["leak0"] + measured["leak1"]) / 2 * 4e-9
    return (measured["fall"] + measured["rise"]) / 2 * 1e12, (leaked - measured["charge"]) * supply_v / 2 * 1e15


def register(card: Path, node_nm: float, supply_v: float, drains: bool) -> tuple[float, float]:
    """Return a register's energy in fJ in an idle cycle, and what a change of its output adds with one inverter."""
    data = f"0 0 8.5n 0 8.52n {supply_v} 12.5n {supply_v} 12.52n 0 16.5n 0 16.52n {supply_v} 20.5n {supply_v} 20.52n 0"
    circuit = [
        f".include {card.resolve()}",
        *_library(node_nm * 1e-9, drains),
        f"vdd vdd 0 {supply_v}",
        f"vown own 0 {supply_v}",
        f"vclock clock 0 pulse(0 {supply_v} 2n 20p 20p 2n 4n)",
        f"vdata data 0 pwl({data})",
        *("xc1 clock c1 vdd inverter", "xc2 c1 c2 vdd inverter", "xd1 data d1 vdd inverter", "xd2 d1 d2 vdd inverter"),
        *("xregister d2 c2 q own register", "xload q open vdd inverter"),
    ]
    measured = _simulate(
        circuit,
        {
            "idle": "integ i(vown) from=4.2n to=8.2n",
            "busy": "integ i(vown) from=8.2n to=24.2n",  # the output changes at each of four clock edges
            "leak": "avg i(vown) from=7.0n to=7.9n",
        },
        "24.4n",
    )
    idle = (measured["leak"] * 4e-9 - measured["idle"]) * supply_v * 1e15
    busy = (measured["leak"] * 16e-9 - measured["busy"]) * supply_v * 1e15
    return idle, busy / 4 - idle


def find(card: Path, node_nm: float, supply_v: float, drains: bool) -> Findings:
    """Simulate an event and a register of one node.

    Raises:
        UnavailableError: without ngspice.
        HashjouleError: if the simulation fails.
    """
    if shutil.which("ngspice") is None:
        raise UnavailableError("ngspice is not installed: apt install ngspice")
    delay_ps, event_fj = inverter(card, node_nm, supply_v, drains)
    idle_fj, change_fj = register(card, node_nm, supply_v, drains)
    pin = 2 / 5  # the clock pin is an inverter's input, charged and discharged by what drives it
    load = 1 / 5
    return Findings(delay_ps, event_fj, idle_fj / event_fj + pin, change_fj / event_fj - load)


def main(arguments: list[str]) -> int:
    """Print what is found for each node beside the table."""
    if not arguments or len(arguments) % 3:
        raise UsageError("give node, voltage and model file for each node: 130 1.2 130nm.pm")
    print("node    drains   delay (table)        event (table)         clock       change")
    for node, supply, card in zip(*[iter(arguments)] * 3, strict=True):
        nm = int(node)
        for drains in (False, True):
            found = find(Path(card), nm, float(supply), drains)
            print(
                f"{nm:4} nm  {'with' if drains else 'without':8} {found.delay_ps:5.1f} ps ({TABLE_DELAYS_PS.get(nm)})  "
                f"{found.event_fj:7.3f} fJ ({TABLE_ENERGIES_FJ.get(nm)})  {found.clock_events:5.2f} events"
                f"  {found.data_events:5.2f} events"
            )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HashjouleError as error:
        sys.exit(f"{error}")
