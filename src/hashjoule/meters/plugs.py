"""Wall plugs that measure, by their URL (`--meter`). Everything that draws its power from the plug counts.

A plug counts energy in steps. Where 100 steps would take longer than the caller can wait, its power is integrated
instead, and `Meter.cautions` says so. While a plug is read it is asked once a second, and a figure that cannot be true
ends the reading (`watch`). What kinds of plug there are stands in `dialects`; those of TP-Link are read by python-kasa
(`kasa_plug`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from hashjoule.meters import STEPS, Meter, MeterError, Reading
from hashjoule.meters.dialects import DIALECTS, KASA, HttpPlug, Kind
from hashjoule.meters.plug_url import PlugUrl, parse
from hashjoule.meters.watch import Answer, Plug, PlugReading
from hashjoule.meters.web import Login

LONGEST_S = 60.0
"""How long one reading of a benchmark may take; a caller that measures longer says so."""

_MAX_LOOK_S = 5.0
"""How long a counter is watched for a first step before the plug's power is integrated instead."""
_MAX_UPDATES_S = 70.0
"""How long a sensor of Home Assistant is watched for two updates; many integrations ask their device twice a minute."""
_LOOK_PERIOD_S = 0.5

EVERYTHING_COUNTS = (
    "the plug counts everything that it feeds, the power supply's losses, screen, fans and chargers too; unplug what "
    "does not belong to the measurement"
)


class Look(NamedTuple):
    """What a plug showed while it was watched for a moment."""

    power_w: float | None
    """Its power, or what its counter gained; None if neither could be seen."""
    shows_power: bool
    counts: bool
    """Whether it has an energy counter that moves as fast as its power says."""
    step_j: float
    interval_s: float
    power_step_w: float


def meter(url: str, longest_s: float = LONGEST_S) -> Meter:
    """Look at a plug for a moment and return it as a meter.

    `longest_s` is the longest time in seconds that the caller can wait between two readings. If 100 steps of the plug's
    counter fit into it, the counter is read; else its power is integrated.

    Raises:
        UsageError: if the URL names no plug.
        MeterError: if the plug cannot be reached, refuses the login, or shows neither energy nor power.
    """
    where = parse(url)
    plug, kind = connected(where)
    try:
        looked = look(plug)
    finally:
        plug.close()
    counts, cautions = choice(looked, kind, longest_s)
    return Meter(
        name=str(where),
        source=f"{kind.name} at {where.netloc}" + (f", {where.path}" if where.scheme == "homeassistant" else ""),
        scope="wall",
        method="counter" if counts else "sampled",
        covers="all",
        open=partial(_open, where, looked, counts),
        interval_s=looked.interval_s,
        step_j=looked.step_j if counts else 0.0,
        power_w=looked.power_w,
        cautions=(EVERYTHING_COUNTS, *cautions),
    )


def connected(where: PlugUrl) -> tuple[Plug, Kind]:
    """Find out what kind of plug this is, and return it ready to be asked.

    Raises:
        MeterError: if it is none that we know, cannot be reached, or refuses the login.
    """
    login = Login.from_environment()
    if where.scheme == "kasa":
        from hashjoule.meters import kasa_plug

        return kasa_plug.connected(where, login), KASA
    for dialect in DIALECTS[where.scheme]:
        plug = HttpPlug(where, dialect, login)
        if plug.is_there():
            return plug, dialect.kind
    raise MeterError(f"{where}: the device has no meter of that kind or channel; docs/meters.md lists what can be read")


def look(plug: Plug, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> Look:
    """Watch a plug until its counter has moved, or its sensor was updated twice.

    Raises:
        MeterError: if it shows neither energy nor power, or a negative power.
    """
    first = plug.ask()
    if first.power_w is not None and first.power_w < 0:
        raise MeterError(f"the plug shows a negative power, {first.power_w:g} W; reverse its measuring direction")
    if first.updated_s is not None:
        return _look_for_updates(plug, first, clock, sleep)
    if first.power_w is None:
        raise MeterError("the plug shows no power; choose one that measures")
    step_j, began_s, moved = first.step_j, clock(), False
    if first.energy_j is not None and first.power_w > 0:
        four_steps_s = 4 * step_j / first.power_w
        while not moved and clock() - began_s < min(max(four_steps_s, 1.0), _MAX_LOOK_S):
            sleep(_LOOK_PERIOD_S)
            now = plug.ask()
            moved, step_j = now.energy_j != first.energy_j, min(step_j, now.step_j)
        moved = moved or four_steps_s > _MAX_LOOK_S  # a large step cannot have been seen yet
    return Look(first.power_w, True, moved, step_j, first.interval_s, first.power_step_w)


def _look_for_updates(plug: Plug, first: Answer, clock: Callable[[], float], sleep: Callable[[float], None]) -> Look:
    """Watch a sensor that says when it was updated: the time between two updates is its interval."""
    began_s, seen = clock(), [first]
    while len(seen) < 3:
        if clock() - began_s > _MAX_UPDATES_S:
            raise MeterError(
                f"the sensor was updated {len(seen) - 1} times within {_MAX_UPDATES_S:.0f} s; choose one that is "
                "updated more often, or name the plug itself as --meter"
            )
        sleep(_LOOK_PERIOD_S)
        answer = plug.ask()
        if answer.updated_s != seen[-1].updated_s:
            seen.append(answer)
    before, after = seen[1], seen[2]
    interval_s = max(_LOOK_PERIOD_S, (after.updated_s or 0.0) - (before.updated_s or 0.0))
    if after.energy_j is None or before.energy_j is None:
        return Look(after.power_w, True, False, 0.0, interval_s, after.power_step_w)
    gained_j = max(0.0, after.energy_j - before.energy_j)
    # What the counter gains within an interval is not seen before its end: that is its real step.
    step_j = max(min(answer.step_j for answer in seen), gained_j)
    return Look(gained_j / interval_s or None, False, True, step_j, interval_s, 0.0)


def choice(looked: Look, kind: Kind, longest_s: float) -> tuple[bool, tuple[str, ...]]:
    """Return whether to read the plug's counter, and what the user must know about it.

    False: its power is to be integrated.
    """
    power_w = looked.power_w or 0.0
    hundred_steps_s = STEPS * looked.step_j / power_w if power_w > 0 else float("inf")
    if looked.counts and hundred_steps_s <= longest_s:
        said = (
            f"the plug counts in steps of {_joules(looked.step_j)}, so a reading takes at least {hundred_steps_s:.3g} s"
        )
        return True, (said,) if hundred_steps_s > 1 else ()
    if not looked.shows_power:
        good_to = f"good to {_percent(looked.step_j, power_w * longest_s)} after {longest_s:.0f} s"
        return True, (
            f"the sensor's counter moves by {_joules(looked.step_j)} at a time, so a reading is only "
            f"{good_to if power_w else 'good after many such steps'}; choose a sensor of power (W), or name the plug",
        )
    cautions = []
    if looked.step_j:
        fault = "is too coarse for a reading" if looked.counts else "did not move while it was watched"
        cautions.append(f"the plug's power is integrated, because its energy counter {fault}")
    if looked.power_step_w > 0.02 * power_w > 0:
        cautions.append(
            f"the plug shows its power in steps of {looked.power_step_w:g} W, good to "
            f"{_percent(looked.power_step_w / 2, power_w)} of the present {power_w:.3g} W{kind.finer}"
        )
    return False, tuple(cautions)


def _joules(energy_j: float) -> str:
    return f"{energy_j:,.0f} J" if energy_j >= 100 else f"{energy_j:.3g} J"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}%" if whole > 0 else "an unknown part"


def _open(where: PlugUrl, looked: Look, counts: bool) -> Reading:
    plug, _ = connected(where)
    return PlugReading(plug, str(where), counts, looked.step_j, looked.interval_s)
