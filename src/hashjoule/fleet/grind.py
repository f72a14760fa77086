"""`grind` on a cluster: disjoint ranges for all workers, each searched to its end once, until the first solution."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hashjoule.errors import HashjouleError, UnavailableError, UsageError, describe_exception
from hashjoule.fleet import cluster, model, worker
from hashjoule.fleet.ranges import Ledger, Problem, Range, StateFile
from hashjoule.job import Header, Hit

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_SECONDS = 120.0
"""How long a lost scheduler, or a cluster that has lost all its workers, is waited for."""

OVERDUE_FACTOR, OVERDUE_SECONDS = 4.0, 5.0
"""A range is given to another worker after so many times the seconds that it should take, and so many on top."""

SHORTEST_RANGE_S = 0.05
"""Towards the end ranges become shorter, so that all workers end together; not shorter than this."""

HOPELESS_LOSSES = 10
"""After so many lost workers, and as many as there are, without one searched range: a backend crashes all of them."""

_POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class WrongSolutionError(HashjouleError):
    """A worker reported a solution that is none."""


@dataclass
class Counts:
    """What happened on the way."""

    ranges: int = 0
    overdue: int = 0
    lost: int = 0
    reconnects: int = 0


class Search:
    """One search, through lost workers and schedulers, from its first range to its end."""

    def __init__(
        self,
        where: str,
        problem: Problem,
        name: str = "auto",
        threads: int | None = None,
        state: StateFile | None = None,
    ) -> None:
        """Searches with the backend `name`, on as many threads a worker as it has unless `threads` says otherwise."""
        self.problem, self.counts = problem, Counts()
        self.ledger = Ledger(problem.total, problem.count, state.done if state else ())
        self._where, self._name, self._threads = where, name, threads
        self.progress: Callable[[str, float], None] = lambda text, part: None
        self._state = state
        self._solution = state.solved if state else None
        self._greeted: set[str] = set()
        self._away = False
        self._left_out: dict[str, str] = {}
        self._rates_hs: dict[str, float] = {}
        """Of the workers that answer in time; 0 while one prepares itself."""
        self._fleet_hs = 0.0
        self._ended, self._reopened = asyncio.Event(), asyncio.Event()
        self._usable_at_s = self._kept_at_s = time.monotonic()
        self._keep_pause_s = 1.0

    async def run(self) -> Header | None:
        """The solved header, or None if the space holds none.

        Raises UnavailableError if there is no scheduler or no usable worker, at once until a first range is done,
        after PATIENCE_SECONDS later; and if workers have another version of hashjoule, before anything is searched.
        """
        try:
            while not self._over:
                await self._connect_and_search()
        finally:
            self._keep()
        return self._solution

    @property
    def _over(self) -> bool:
        """Whether there is a solution, or nothing left to search."""
        return self._solution is not None or self.ledger.complete

    def _patient(self) -> bool:
        """Whether waiting is better than giving up."""
        return self.counts.ranges > 0 and time.monotonic() - self._usable_at_s < PATIENCE_SECONDS

    async def _connect_and_search(self) -> None:
        try:
            async with cluster.connected(self._where) as client:
                if not self._greeted:
                    await self._greet(client)
                if self._away:
                    self._away = False
                    _log.warning("the scheduler is back, the search goes on")
                await self._search_with(client)
        except (UnavailableError, UsageError) as error:  # bad usage is also a scheduler file that is just written anew
            if not self._patient():
                raise self._given_up(error) from None
            self._wait_for_scheduler()
            await asyncio.sleep(min(5.0, 0.2 + (time.monotonic() - self._usable_at_s) / 4))

    def _wait_for_scheduler(self) -> None:
        if not self._away:
            self._away = True
            self.counts.reconnects += 1
            self.progress("waiting for the scheduler", self.ledger.done_size / self.ledger.total)
            _log.warning("the connection to the scheduler is lost; it is tried again for %.0f s", PATIENCE_SECONDS)

    def _given_up(self, error: HashjouleError) -> HashjouleError:
        if self._state is None or not self.ledger.done_size:
            return error
        return UnavailableError(f"{error}; what was done is kept in {self._state.path}: run the same command to go on")

    async def _greet(self, client: Client) -> None:
        """Looks at all workers before anything is searched: one of another version might search something else."""
        found = await cluster.members(client, await cluster.workers(client))
        if not found:
            raise UnavailableError(f"the cluster at {self._where} has no workers; start some first")
        if mixed := cluster.first_reason(member for member in found if member.mixed):
            raise UnavailableError(mixed)
        self._greeted = {member.address for member in found if not member.reason}
        if not self._greeted:
            raise UnavailableError(f"no worker can be used: {cluster.first_reason(found)}")

    async def _search_with(self, client: Client) -> None:
        """Serves all workers of this connection, those that come later too. Raises UnavailableError if it is lost."""
        serving: dict[str, asyncio.Task[None]] = {}
        try:
            while not self._over and client.status == "running":
                await self._update(client, serving)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._ended.wait()
        finally:
            for address, task in serving.items():
                task.cancel()
                self._set_rate(address, None)
            await asyncio.gather(*serving.values(), return_exceptions=True)
        if not self._over:
            raise UnavailableError("the connection to the Dask scheduler was lost")

    async def _update(self, client: Client, serving: dict[str, asyncio.Task[None]]) -> None:
        """Begins to serve workers that came, gives the ranges of those that went to others."""
        there = await cluster.workers(client)
        for address in serving.keys() - there.keys():
            serving.pop(address).cancel()
            self._set_rate(address, None)
            self.counts.lost += 1
            _log.warning("worker %s is lost; its ranges go to others", address)
        if not self.counts.ranges and self.counts.lost >= max(HOPELESS_LOSSES, len(there)):
            raise UnavailableError(
                f"{self.counts.lost} workers died before one range was searched; see their logs, or try --backend"
            )
        for address in there.keys() - self._left_out.keys():
            if address not in serving or serving[address].done():
                self._set_rate(address, 0.0)
                serving[address] = asyncio.create_task(self._serve(client, address, there[address]))
        if self._rates_hs:
            self._usable_at_s = time.monotonic()
        elif not self._patient():
            why = next((f": {reason}" for reason in self._left_out.values()), "")
            raise UnavailableError(f"the cluster at {self._where} has no worker that can be used{why}")

    async def _serve(self, client: Client, address: str, threads: int) -> None:
        """Gives one worker ranges until the end. One that fails is left out, and its ranges go to others."""
        threads = self._threads or threads
        try:
            await self._check_version(client, address)
            mode = "plain" if self.problem.mask is None else "rolled"
            self._set_rate(address, await cluster.submit(client, address, worker.prepare, self._name, mode, threads))
            async with asyncio.TaskGroup() as lanes:
                for _ in range(model.IN_FLIGHT):
                    lanes.create_task(self._lane(client, address, threads))
        except* CancelledError:  # Dask's, not asyncio's: whoever is still there after that is served again
            self._set_rate(address, None)
        except* Exception as errors:
            self._set_rate(address, None)
            self._left_out[address] = reason = describe_exception(errors)
            _log.warning("worker %s is left out: %s", address, reason)

    async def _check_version(self, client: Client, address: str) -> None:
        if address not in self._greeted:
            (member,) = await cluster.members(client, {address: 0})
            if member.reason:
                raise UnavailableError(member.reason)

    async def _lane(self, client: Client, address: str, threads: int) -> None:
        """One range after another for one worker; there are as many lanes as it has ranges in flight."""
        while not self._over:
            if part := self.ledger.take(self._size(address)):
                await self._attempt(client, address, threads, part)
            else:
                await self._reopened.wait()

    def _size(self, address: str) -> int:
        """Positions that take this worker as long as a range should, or less where little is left for all."""
        rate_hs, at_once = self._rates_hs.get(address, 0.0), self.problem.versions_at_once
        left_s = self.ledger.open.size() * at_once / max(1.0, self._fleet_hs) / model.IN_FLIGHT
        range_s = min(model.range_seconds(len(self._rates_hs)), max(SHORTEST_RANGE_S, left_s))
        return int(rate_hs * range_s / at_once)

    async def _attempt(self, client: Client, address: str, threads: int, part: Range) -> None:
        """Has a range searched. If the answer is late another worker gets the range; whoever answers first counts."""
        p, (skip, first) = self.problem, self.problem.place(part)
        arguments = (
            self._name, p.header.pack(), p.target, p.mask, skip, p.versions_at_once, first, part.size, threads
        )  # fmt: skip
        expected_s = part.size * p.versions_at_once / max(1.0, self._rates_hs.get(address, 0.0))
        limit_s = OVERDUE_FACTOR * model.IN_FLIGHT * expected_s + OVERDUE_SECONDS
        overdue = asyncio.get_running_loop().call_later(limit_s, self._overdue, address, part, limit_s)
        future = cluster.submit(client, address, worker.search_range, *arguments)
        try:
            self._answered(address, part, await future)
        finally:
            overdue.cancel()
            future.release()
            self._reopen(part)

    def _overdue(self, address: str, part: Range, limit_s: float) -> None:
        self.counts.overdue += 1
        if address in self._rates_hs:  # once for all ranges that it has
            _log.warning("worker %s has not answered for %.0f s; its ranges go to others", address, limit_s)
        self._set_rate(address, None)
        self._reopen(part)

    def _reopen(self, part: Range) -> None:
        """Opens a range for others, unless it is finished, and wakes the lanes that wait for one."""
        if self.ledger.reopen(part):
            self._reopened.set()
            self._reopened = asyncio.Event()

    def _answered(self, address: str, part: Range, answer: dict[str, Any]) -> None:
        """Checks and counts an answer."""
        if answer["hit"]:
            self._solution = self.problem.solved(Hit(*answer["hit"]))
            if self._solution is None:
                raise WrongSolutionError("it reports a solution that hashlib denies")
        elif answer["exhausted"]:
            self.ledger.finish(part)
            self.counts.ranges += 1
            latest_hs = answer["hashes"] / answer["seconds"]
            self._set_rate(address, (self._rates_hs.get(address, latest_hs) + latest_hs) / 2)
            self._show()
        if self._over:
            self._ended.set()

    def _set_rate(self, address: str, rate_hs: float | None) -> None:
        """What a worker does from now on; None if nothing is expected of it."""
        self._fleet_hs -= self._rates_hs.pop(address, 0.0)
        if rate_hs is not None:
            self._rates_hs[address] = rate_hs
            self._fleet_hs += rate_hs

    def _show(self) -> None:
        n = len(self._rates_hs)
        text = f"{n} worker{'s' * (n != 1)}, {self._fleet_hs / 1e6:,.0f} MH/s"
        self.progress(text, self.ledger.done_size / self.ledger.total)
        if time.monotonic() - self._kept_at_s > self._keep_pause_s:
            self._keep()

    def _keep(self) -> None:
        """Writes the state, in a twentieth of the time at most. A disk that is full now may not be so at the end."""
        if self._state is None:
            return
        began = time.monotonic()
        try:
            self._state.write(self.ledger.done, self._solution)
        except UsageError as error:
            _log.warning("%s", error)
        self._kept_at_s = time.monotonic()
        self._keep_pause_s = max(1.0, 20 * (self._kept_at_s - began))

    def summary(self) -> str:
        """What was searched, and what was searched again or by others, as one sentence."""
        at_once, counts = self.problem.versions_at_once, self.counts
        hashes = self.ledger.done_size * at_once
        parts = [
            f"{hashes:,} of {self.problem.hashes:,} hashes searched, {counts.ranges:,} ranges to their end in this run"
        ]
        if counts.lost:
            parts.append(f"workers lost: {counts.lost}")
        if counts.overdue:
            parts.append(f"ranges overdue and given to others: {counts.overdue}")
        if counts.reconnects:
            parts.append(f"scheduler lost: {counts.reconnects} times")
        if self.ledger.repeated:
            parts.append(f"{self.ledger.repeated * at_once:,} hashes searched twice and counted once")
        return "; ".join(parts)
