"""A run of the gauge: sockets, meter and device around the roster, from the first miner to the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import hashjoule
from hashjoule.backends import c
from hashjoule.errors import UnavailableError
from hashjoule.gauge import server
from hashjoule.gauge.channel import GaugedMiner
from hashjoule.gauge.device_watch import PERIOD_S, DeviceWatch
from hashjoule.gauge.devices import Device
from hashjoule.gauge.energy import EnergyWatch, Mark
from hashjoule.gauge.results import miner_name, refusal_of, result_of, sum_of
from hashjoule.gauge.roster import HELLO_S, Ending, Roster
from hashjoule.gauge.tally import Estimate
from hashjoule.hardware import Kind
from hashjoule.meters import Meter
from hashjoule.records.facts import commit, host_facts, utc_now
from hashjoule.records.schema import SCHEMA, Conditions, Energy, Record, Refusal, Result, Software

_MOST_REFUSALS = 20


@dataclass(frozen=True, kw_only=True)
class GaugePlan:
    """What to measure, and how."""

    ending: Ending
    host: str = "127.0.0.1"
    port: int = 3333
    wait_s: float = 300.0
    """How long to wait for the first share."""
    difficulty: float | None = None
    name: str | None = None
    """What the user calls the miner; for a single one."""
    kind: Kind | None = None
    device: Device | None = None
    meter: Meter | None = None


Show = Callable[[Roster, float], None]
"""Called a few times a second with the run and the time of a monotonic clock."""


@dataclass
class GaugeRun:
    """One run. `measure` does it; `record` says what there is, whether it came to its end or not."""

    plan: GaugePlan
    roster: Roster = field(init=False)
    complete: bool = False
    _watch: EnergyWatch | None = None
    _claims: DeviceWatch | None = None
    _before: dict[GaugedMiner, Mark | None] = field(default_factory=dict)
    _after: Mark | None = None
    _created: str = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        self.roster = Roster(self.plan.ending, self.plan.difficulty)

    async def measure(self, listening: Callable[[int], None], show: Show) -> None:
        """Measure until the run ends. `listening` is called with the port once miners can connect.

        Raises:
            UnavailableError: The meter, the device or the port cannot be used, or no miner came.
        """
        if self.plan.device:
            self._claims = DeviceWatch(self.plan.device)
            await asyncio.to_thread(self._claims.first)
        self._watch = await asyncio.to_thread(EnergyWatch, self.plan.meter)
        listener = await server.listen(self.roster, self.plan.host, self.plan.port)
        asking = asyncio.create_task(self._keep_asking())
        try:
            listening(listener.sockets[0].getsockname()[1])
            await self._tick_until_end(show)
            self.complete = True
        finally:
            asking.cancel()
            self._finish()
            listener.close()
            for session in list(self.roster.sessions):
                session.close("was there at the end")

    async def _tick_until_end(self, show: Show) -> None:
        began_s = time.monotonic()
        while self.roster.ended_s is None:
            now_s = time.monotonic()
            begun = self.roster.tick(now_s)
            for session in self.roster.late(now_s):
                session.close(f"did not say its name within {HELLO_S:.0f} s")
            if begun:
                await self._note_beginnings(begun)
            if not self.roster.any_share and now_s - began_s > self.plan.wait_s:
                raise UnavailableError(self._nobody_came())
            show(self.roster, now_s)
            await asyncio.sleep(server.TICK_S)
        if self._claims:
            await asyncio.to_thread(self._claims.ask)

    async def _note_beginnings(self, miners: list[GaugedMiner]) -> None:
        assert self._watch
        mark = await asyncio.to_thread(self._watch.mark)
        self._before |= dict.fromkeys(miners, mark)
        if self._claims and len(self._before) == 1:
            self._claims.restart()

    async def _keep_asking(self) -> None:
        while self._claims:
            await asyncio.to_thread(self._claims.ask)
            await asyncio.sleep(PERIOD_S)

    def _finish(self) -> None:
        if self.roster.ended_s is None:
            self.roster.ended_s = time.monotonic()
        if self._watch:
            self._after = self._watch.mark()
            self._watch.close()

    def _nobody_came(self) -> str:
        wait = f"within {self.plan.wait_s:.0f} s"
        if self.roster.miners:
            reasons = "; ".join(refusal_of(miner, None).reason for miner in list(self.roster.miners.values())[:3])
            return f"no miner delivered a share that counts {wait} ({reasons}); wait longer with --wait SECONDS"
        if self.roster.hung_up:
            return f"no miner came {wait} (a connection from {self.roster.hung_up[0]}); check the miner's pool URL"
        return f"no miner connected {wait}; check the miner's pool URL, or wait longer with --wait SECONDS"

    def record(self) -> Record:
        """Return the record of what was measured."""
        results, refused, warnings = self._results()
        return Record(
            schema=SCHEMA,
            created=self._created,
            hashjoule=Software(hashjoule.__version__, commit(), c.compiler()),
            machine=host_facts(c.features(), None),
            conditions=Conditions(None, None, None, tuple(warnings)),
            results=tuple(results),
            refused=tuple(refused[:_MOST_REFUSALS]),
            complete=self.complete,
        )

    def _results(self) -> tuple[list[Result], list[Refusal], list[str]]:
        found, refused = self._estimates()
        single = len(found) == 1
        claim = self._claims.claim() if self._claims else None
        results: list[Result] = []
        for miner, estimate in found:
            owned = single or (self.plan.device is not None and miner.host == self.plan.device.host)
            result = result_of(
                miner,
                estimate,
                name=self.plan.name if single else None,
                kind=self.plan.kind,
                energy=self._energy(miner) if single else None,
                claim=claim if owned else None,
            )
            results.append(result)
        warnings = self._warnings(found)
        if len(found) > 1:
            first = min(self._before, key=lambda miner: miner.account.began_s)
            results.append(sum_of(results, [estimate for _, estimate in found], self._energy(first)))
        return results, refused, warnings

    def _estimates(self) -> tuple[list[tuple[GaugedMiner, Estimate]], list[Refusal]]:
        """Return the miners with a rate, and why the others have none."""
        found, refused = [], []
        for miner in self.roster.miners.values():
            count, ended_s = miner.account.count, self.roster.ended_s or 0.0
            estimate = count.estimate(ended_s) if count and ended_s > count.began_s else None
            if estimate and estimate.shares.shares:
                found.append((miner, estimate))
            else:
                refused.append(refusal_of(miner, estimate))
        return found, refused

    def _energy(self, miner: GaugedMiner) -> Energy | None:
        return self._watch.energy(self._before.get(miner), self._after) if self._watch else None

    def _warnings(self, found: list[tuple[GaugedMiner, Estimate]]) -> list[str]:
        warnings = [f"{miner_name(miner)} {note}" for miner, _ in found for note in miner.notes]
        warnings += self._watch.warnings if self._watch else []
        warnings += self._claims.warnings if self._claims else []
        if self.plan.kind is None and found:
            warnings.append("the class of the device is guessed from its rate; state it with --class")
        return warnings


def measure(plan: GaugePlan, listening: Callable[[int], None], show: Show) -> Record:
    """Carry out a plan. After a KeyboardInterrupt the record has what there was, and says so.

    Raises:
        UnavailableError: See `GaugeRun.measure`.
    """
    run = GaugeRun(plan)
    with suppress(KeyboardInterrupt):  # the record is then incomplete, and says so
        asyncio.run(run.measure(listening, show))
    return run.record()
