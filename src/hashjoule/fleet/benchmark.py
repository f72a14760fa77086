"""Benchmark the machines of a cluster: each once and alone, however many workers it runs; none can stop the others."""

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

from hashjoule.benchmark.plan import Plan
from hashjoule.errors import UnavailableError, describe_exception
from hashjoule.fleet import cluster, summary, worker
from hashjoule.fleet.child import Reply, Request
from hashjoule.fleet.cluster import Member
from hashjoule.fleet.summary import Fleet, Host
from hashjoule.records.facts import utc_now

if TYPE_CHECKING:
    from distributed import Client

SILENCE_SECONDS = 180.0
"""A benchmark that reports nothing for this long hangs; compiling Numba or tuning an OpenCL device takes less."""

GRACE_SECONDS = 20.0
"""Silence allowed beyond SILENCE_SECONDS before the worker itself, not its benchmark, counts as hung."""

Show = Callable[[str, str, float | None], None]
"""Shows a host's name, its present step, and the fraction of the step that is done (None: the host is finished)."""


@dataclass(frozen=True)
class MachineWorkers:
    """The workers of one machine, usable ones first."""

    name: str
    workers: tuple[Member, ...]

    @property
    def views(self) -> list[Member]:
        """One usable worker for each set of devices that workers of this machine are shown."""
        return list({worker.view: worker for worker in reversed(self.workers) if not worker.reason}.values())


def by_machine(found: Sequence[Member]) -> list[MachineWorkers]:
    """Group workers by machine; a worker that did not say where it runs counts as a machine of its own."""
    by_host: dict[str, list[Member]] = {}
    for member in sorted(found, key=lambda member: (bool(member.reason), member.address)):
        by_host.setdefault(member.host or member.address, []).append(member)
    names = [group[0].name if group[0].host else group[0].address for group in by_host.values()]
    unique = [
        name if names.count(name) == 1 else f"{name} ({_ip(group[0].address)}, {host[:8]})"
        for name, (host, group) in zip(names, by_host.items(), strict=True)
    ]
    return [MachineWorkers(name, tuple(group)) for name, group in zip(unique, by_host.values(), strict=True)]


def _ip(address: str) -> str:
    return address.partition("://")[2].rpartition(":")[0]


class FleetBenchmark:
    """A benchmark run on a cluster. After an interruption `fleet` returns what was measured."""

    def __init__(
        self,
        where: str,
        plan: Plan,
        show: Show = lambda host, text, part: None,
        keep: Callable[[Host], object] = lambda host: None,
    ) -> None:
        """Prepare a run at the scheduler `where`; `keep` is called with each host as soon as it is measured."""
        self._where, self._plan, self._show, self._keep = where, plan, show, keep
        self._created = utc_now()
        self._topic = f"hashjoule-bench-{uuid4().hex[:12]}"
        self._machines: list[MachineWorkers] = []
        self._hosts: dict[str, Host] = {}
        self._heard_at_s: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self._present: set[str] = set()

    async def run(self) -> None:
        """Measure all machines at the same time.

        Raises:
            UnavailableError: if there is no scheduler or no worker.
        """
        async with cluster.connected(self._where) as client:
            present = await cluster.workers(client)
            if not present:
                raise UnavailableError(f"the cluster at {self._where} has no workers; start some first")
            self._present = set(present)
            self._machines = by_machine(await cluster.members(client, present))
            client.subscribe_topic(self._topic, self._heard)
            watching = asyncio.create_task(self._watch(client))
            try:
                await asyncio.gather(*(self._measure(client, machine) for machine in self._machines))
            finally:
                watching.cancel()

    def fleet(self) -> Fleet:
        """Return the fleet's record of everything measured so far."""
        missing = [m for m in self._machines if m.name not in self._hosts]
        rest = [Host(m.name, len(m.workers), reason="the run was interrupted before it was measured") for m in missing]
        return summary.summarise([*self._hosts.values(), *rest], self._created, complete=not missing)

    async def _measure(self, client: Client, machine: MachineWorkers) -> None:
        """Measure a machine through one worker after another, each for the devices that earlier ones did not see."""
        replies = [Reply(reason=w.reason) for w in machine.workers[:1] if w.reason]
        measured: list[str] = []
        for member in machine.views:
            reply = await self._ask(client, machine, member, Request(self._plan, tuple(measured)))
            replies.append(reply)
            measured += reply.devices.values()
        host = summary.host(machine.name, len(machine.workers), replies)
        self._hosts[machine.name] = host
        self._show(machine.name, host.reason or "measured", None)
        self._keep(host)

    async def _ask(self, client: Client, machine: MachineWorkers, member: Member, request: Request) -> Reply:
        """Let a worker measure, and give up once it has left the cluster or fallen silent."""
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
                if not answer.done() and (why := self._failure(client, member)):
                    return Reply(reason=why)
            return msgspec.json.decode(await answer, type=Reply)
        except CancelledError:
            return Reply(reason="the connection to the scheduler was lost, or the task was cancelled by someone else")
        except Exception as error:
            return Reply(reason=describe_exception(error))
        finally:
            answer.cancel()
            future.release()

    def _failure(self, client: Client, member: Member) -> str | None:
        if client.status != "running":
            return "the connection to the scheduler was lost while it was measured"
        if member.address not in self._present:
            return f"its worker {member.address} died while it was measured"
        silent_s = time.monotonic() - self._heard_at_s[member.address]
        if silent_s > SILENCE_SECONDS + GRACE_SECONDS:
            return f"its worker {member.address} has been silent for {silent_s:.0f} s: it hangs or is busy"
        return None

    async def _watch(self, client: Client) -> None:
        """Keep the set of present workers up to date."""
        while True:
            with suppress(UnavailableError):
                self._present = set(await cluster.workers(client))
            await asyncio.sleep(1.0)

    def _heard(self, event: tuple[float, Any]) -> None:
        address, text, part = event[1]
        self._heard_at_s[address] = time.monotonic()
        self._show(self._names.get(address, address), text, part)


async def _result(future: Any) -> Any:
    return await future
