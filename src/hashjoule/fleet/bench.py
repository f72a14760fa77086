"""`bench` on a cluster: each machine once and alone, however many workers it has; none can stop the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from hashjoule.benchmark.run import Plan
from hashjoule.errors import UnavailableError, describe_exception
from hashjoule.fleet import cluster, summary, worker
from hashjoule.fleet.child import Reply, Request
from hashjoule.fleet.cluster import Member
from hashjoule.fleet.summary import Fleet, Host
from hashjoule.records.facts import utc_now

if TYPE_CHECKING:
    from distributed import Client

SILENCE_SECONDS = 180.0
"""A benchmark that says nothing for so long hangs: longer than Numba compiles or an OpenCL device is tuned."""

GRACE_SECONDS = 20.0
"""How much longer a worker may be silent than its benchmark, before it counts as hung itself."""

Show = Callable[[str, str, float | None], None]
"""Shows a host, what it does and the part of that which is done; None once it is measured."""


@dataclass(frozen=True)
class Machine:
    """The workers of one machine, those first that can be used."""

    name: str
    workers: tuple[Member, ...]

    @property
    def views(self) -> list[Member]:
        """A worker that can be used for each set of devices that workers of this machine are shown."""
        return list({worker.view: worker for worker in reversed(self.workers) if not worker.reason}.values())


def machines(found: Sequence[Member]) -> list[Machine]:
    """The machines behind these workers; a worker that did not say where it runs counts as one of its own."""
    by_host: dict[str, list[Member]] = {}
    for member in sorted(found, key=lambda member: (bool(member.reason), member.address)):
        by_host.setdefault(member.host or member.address, []).append(member)
    names = [group[0].name if group[0].host else group[0].address for group in by_host.values()]
    return [
        Machine(name if names.count(name) == 1 else f"{name} ({_ip(group[0].address)}, {host[:8]})", tuple(group))
        for name, (host, group) in zip(names, by_host.items(), strict=True)
    ]


def _ip(address: str) -> str:
    return address.partition("://")[2].rpartition(":")[0]


class FleetBench:
    """A benchmark run on a cluster: interrupted at any point, `fleet` gives what there is."""

    def __init__(
        self,
        where: str,
        plan: Plan,
        show: Show = lambda host, text, part: None,
        keep: Callable[[Host], object] = lambda host: None,
    ) -> None:
        """`keep` gets each host as soon as it is measured."""
        self._where, self._plan, self._show, self._keep = where, plan, show, keep
        self._created = utc_now()
        self._topic = f"hashjoule-bench-{uuid4().hex[:12]}"
        self._machines: list[Machine] = []
        self._hosts: dict[str, Host] = {}
        self._heard_at_s: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self._there: set[str] = set()

    async def run(self) -> None:
        """Measures all machines at the same time. Raises UnavailableError if there is no scheduler or no worker."""
        async with cluster.connected(self._where) as client:
            there = await cluster.workers(client)
            if not there:
                raise UnavailableError(f"the cluster at {self._where} has no workers; start some first")
            self._there = set(there)
            self._machines = machines(await cluster.members(client, there))
            client.subscribe_topic(self._topic, self._heard)
            watching = asyncio.create_task(self._watch(client))
            try:
                await asyncio.gather(*(self._measure(client, machine) for machine in self._machines))
            finally:
                watching.cancel()

    def fleet(self) -> Fleet:
        """The fleet's record of all that was measured so far."""
        missing = [m for m in self._machines if m.name not in self._hosts]
        rest = [Host(m.name, len(m.workers), reason="the run was interrupted before it was measured") for m in missing]
        return summary.summarise([*self._hosts.values(), *rest], self._created, complete=not missing)

    async def _measure(self, client: Client, machine: Machine) -> None:
        """Measures one machine through one worker after another, each for the devices that those before did not see."""
        outcomes = [Reply(reason=w.reason) for w in machine.workers[:1] if w.reason]
        measured: list[str] = []
        for member in machine.views:
            outcome = await self._ask(client, machine, member, Request(self._plan, tuple(measured)))
            outcomes.append(outcome)
            measured += outcome.devices.values()
        host = summary.host(machine.name, len(machine.workers), outcomes)
        self._hosts[machine.name] = host
        self._show(machine.name, host.reason or "measured", None)
        self._keep(host)

    async def _ask(self, client: Client, machine: Machine, member: Member, request: Request) -> Reply:
        """Has a worker measure, as long as it is there and something is heard of it."""
        self._names[member.address] = machine.name
        self._heard_at_s[member.address] = time.monotonic()
        self._show(machine.name, "waiting for its worker", 0.0)
        future = cluster.submit(
            client, member.address, worker.measure_host, msgspec.json.encode(request), self._topic, SILENCE_SECONDS
        )
        answer = asyncio.create_task(_result(future))
        try:
            while not answer.done():
                await asyncio.wait({answer}, timeout=0.5)
                if not answer.done() and (why := self._why_not(client, member)):
                    return Reply(reason=why)
            return msgspec.json.decode(await answer, type=Reply)
        except CancelledError:
            return Reply(reason="the connection to the scheduler was lost, or the task was cancelled by someone else")
        except Exception as error:
            return Reply(reason=describe_exception(error))
        finally:
            answer.cancel()
            future.release()

    def _why_not(self, client: Client, member: Member) -> str | None:
        if client.status != "running":
            return "the connection to the scheduler was lost while it was measured"
        if member.address not in self._there:
            return f"its worker {member.address} died while it was measured"
        silent_s = time.monotonic() - self._heard_at_s[member.address]
        if silent_s > SILENCE_SECONDS + GRACE_SECONDS:
            return f"nothing was heard of its worker {member.address} for {silent_s:.0f} s: it hangs, or is busy"
        return None

    async def _watch(self, client: Client) -> None:
        """Keeps an eye on which workers are there."""
        while True:
            with suppress(UnavailableError):
                self._there = set(await cluster.workers(client))
            await asyncio.sleep(1.0)

    def _heard(self, event: tuple[float, Any]) -> None:
        address, text, part = event[1]
        self._heard_at_s[address] = time.monotonic()
        self._show(self._names.get(address, address), text, part)


async def _result(future: Any) -> Any:
    return await future
