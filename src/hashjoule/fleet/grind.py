"""Search for a solution on a cluster: workers get disjoint ranges, each searched to its end once, until one hits."""

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
"""How long to wait for a lost scheduler, or for a cluster that has lost all of its workers."""

OVERDUE_FACTOR, OVERDUE_SECONDS = 4.0, 5.0
"""A range is handed to another worker after OVERDUE_FACTOR times its expected time, plus OVERDUE_SECONDS."""

SHORTEST_RANGE_S = 0.05
"""Towards the end ranges become shorter, so that all workers finish together, but no shorter than this."""

HOPELESS_LOSSES = 10
"""Give up after losing this many workers, and as many as the cluster has, before one range was searched: the backend
crashes all of them."""

_POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class WrongSolutionError(HashjouleError):
    """A worker reported a solution that hashlib does not confirm."""


@dataclass
class Events:
    """How often each event occurred during a search."""

    ranges: int = 0
    overdue: int = 0
    lost: int = 0
    reconnects: int = 0


class ClusterSearch:
    """One search on a cluster. It survives the loss of workers and of the scheduler."""

    def __init__(
        self,
        where: str,
        problem: Problem,
        name: str = "auto",
        threads: int | None = None,
        state: StateFile | None = None,
    ) -> None:
        """Prepare a search at the scheduler `where`.

        Args:
            where: The scheduler's address or scheduler file.
            problem: What to search.
            name: The backend; "auto" for the fastest of each worker.
            threads: Threads per worker; None for as many as it has.
            state: Where the progress is saved.
        """
        self.problem, self.events = problem, Events()
        self.ledger = Ledger(problem.total, problem.count, state.done if state else ())
        self._where, self._name, self._threads = where, name, threads
        self.progress: Callable[[str, float], None] = lambda text, part: None
        self._state = state
        self._solution = state.solved if state else None
        self._greeted: set[str] = set()
        self._disconnected = False
        self._excluded: dict[str, str] = {}
        self._rates_hs: dict[str, float] = {}
        """Rate in H/s of each worker that answers in time; 0 while it still prepares the backend."""
        self._fleet_hs = 0.0
        self._ended, self._reopened = asyncio.Event(), asyncio.Event()
        self._usable_at_s = self._kept_at_s = time.monotonic()
        self._keep_pause_s = 1.0

    async def run(self) -> Header | None:
        """Search until the first solution. Return the solved header, or None if the space holds none.

        Raises:
            UnavailableError: if there is no scheduler or no usable worker: at once before the first range is done,
                later after PATIENCE_SECONDS. Also if a worker runs another version of hashjoule, before anything is
                searched.
        """
        try:
            while not self._over:
                await self._connect_and_search()
        finally:
            self._keep()
        return self._solution

    @property
    def _over(self) -> bool:
        """Whether a solution was found or nothing is left to search."""
        return self._solution is not None or self.ledger.complete

    def _patient(self) -> bool:
        """Whether waiting is better than giving up."""
        return self.events.ranges > 0 and time.monotonic() - self._usable_at_s < PATIENCE_SECONDS

    async def _connect_and_search(self) -> None:
        try:
            async with cluster.connected(self._where) as client:
                if not self._greeted:
                    await self._greet(client)
                if self._disconnected:
                    self._disconnected = False
                    _log.warning("the scheduler is back; the search continues")
                await self._search_with(client)
        except (UnavailableError, UsageError) as error:  # bad usage is also a scheduler file that is just written anew
            if not self._patient():
                raise self._given_up(error) from None
            self._wait_for_scheduler()
            await asyncio.sleep(min(5.0, 0.2 + (time.monotonic() - self._usable_at_s) / 4))

    def _wait_for_scheduler(self) -> None:
        if not self._disconnected:
            self._disconnected = True
            self.events.reconnects += 1
            self.progress("waiting for the scheduler", self.ledger.done_size / self.ledger.total)
            _log.warning("lost the connection to the scheduler; trying again for %.0f s", PATIENCE_SECONDS)

    def _given_up(self, error: HashjouleError) -> HashjouleError:
        if self._state is None or not self.ledger.done_size:
            return error
        return UnavailableError(f"{error}; progress is saved in {self._state.path}: run the same command to continue")

    async def _greet(self, client: Client) -> None:
        """Check all workers before anything is searched; one of another version might search something else."""
        found = await cluster.members(client, await cluster.workers(client))
        if not found:
            raise UnavailableError(f"the cluster at {self._where} has no workers; start some first")
        if mixed := cluster.first_reason(member for member in found if member.mixed):
            raise UnavailableError(mixed)
        self._greeted = {member.address for member in found if not member.reason}
        if not self._greeted:
            raise UnavailableError(f"no worker can be used: {cluster.first_reason(found)}")

    async def _search_with(self, client: Client) -> None:
        """Keep all workers of this connection busy, including those that join later.

        Raises:
            UnavailableError: if the connection to the scheduler is lost.
        """
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
        """Start to serve workers that joined, and release the ranges of workers that left."""
        there = await cluster.workers(client)
        for address in serving.keys() - there.keys():
            serving.pop(address).cancel()
            self._set_rate(address, None)
            self.events.lost += 1
            _log.warning("lost worker %s; its ranges go to other workers", address)
        if not self.events.ranges and self.events.lost >= max(HOPELESS_LOSSES, len(there)):
            raise UnavailableError(
                f"{self.events.lost} workers died before one range was searched; see their logs, or try --backend"
            )
        for address in there.keys() - self._excluded.keys():
            if address not in serving or serving[address].done():
                self._set_rate(address, 0.0)
                serving[address] = asyncio.create_task(self._serve(client, address, there[address]))
        if self._rates_hs:
            self._usable_at_s = time.monotonic()
        elif not self._patient():
            why = next((f": {reason}" for reason in self._excluded.values()), "")
            raise UnavailableError(f"the cluster at {self._where} has no worker that can be used{why}")

    async def _serve(self, client: Client, address: str, threads: int) -> None:
        """Give one worker ranges until the end. A worker that fails is excluded, and its ranges go to others."""
        threads = self._threads or threads
        try:
            await self._check_version(client, address)
            mode = "plain" if self.problem.mask is None else "rolled"
            self._set_rate(address, await cluster.submit(client, address, worker.prepare, self._name, mode, threads))
            async with asyncio.TaskGroup() as group:
                for _ in range(model.IN_FLIGHT):
                    group.create_task(self._search_ranges(client, address, threads))
        except* CancelledError:  # Dask's, not asyncio's: a worker that is still present is served again
            self._set_rate(address, None)
        except* Exception as errors:
            self._set_rate(address, None)
            self._excluded[address] = reason = describe_exception(errors)
            _log.warning("excluded worker %s: %s", address, reason)

    async def _check_version(self, client: Client, address: str) -> None:
        if address not in self._greeted:
            (member,) = await cluster.members(client, {address: 0})
            if member.reason:
                raise UnavailableError(member.reason)

    async def _search_ranges(self, client: Client, address: str, threads: int) -> None:
        """Have one worker search one range after another. IN_FLIGHT of these tasks run for each worker."""
        while not self._over:
            if taken := self.ledger.take(self._size(address)):
                await self._attempt(client, address, threads, taken)
            else:
                await self._reopened.wait()

    def _size(self, address: str) -> int:
        """Return how many positions to give to this worker: as many as a range should take, fewer near the end."""
        rate_hs, at_once = self._rates_hs.get(address, 0.0), self.problem.versions_at_once
        left_s = self.ledger.open.size() * at_once / max(1.0, self._fleet_hs) / model.IN_FLIGHT
        range_s = min(model.range_seconds(len(self._rates_hs)), max(SHORTEST_RANGE_S, left_s))
        return int(rate_hs * range_s / at_once)

    async def _attempt(self, client: Client, address: str, threads: int, taken: Range) -> None:
        """Have a range searched. If the answer is late, another worker gets the range; the first answer counts."""
        problem = self.problem
        skip, first = problem.place(taken)
        request = worker.RangeRequest(
            backend=self._name,
            header=problem.header.pack(),
            target=problem.target,
            mask=problem.mask,
            skip=skip,
            versions=problem.versions_at_once,
            first_nonce=first,
            nonces=taken.size,
            threads=threads,
        )
        expected_s = taken.size * problem.versions_at_once / max(1.0, self._rates_hs.get(address, 0.0))
        limit_s = OVERDUE_FACTOR * model.IN_FLIGHT * expected_s + OVERDUE_SECONDS
        overdue = asyncio.get_running_loop().call_later(limit_s, self._overdue, address, taken, limit_s)
        future = cluster.submit(client, address, worker.search_range, request)
        try:
            self._answered(address, taken, await future)
        finally:
            overdue.cancel()
            future.release()
            self._reopen(taken)

    def _overdue(self, address: str, taken: Range, limit_s: float) -> None:
        self.events.overdue += 1
        if address in self._rates_hs:  # warn once for all ranges of this worker
            _log.warning("worker %s has not answered for %.0f s; its ranges go to other workers", address, limit_s)
        self._set_rate(address, None)
        self._reopen(taken)

    def _reopen(self, taken: Range) -> None:
        """Release a range for others, unless it is finished, and wake the tasks that wait for one."""
        if self.ledger.reopen(taken):
            self._reopened.set()
            self._reopened = asyncio.Event()

    def _answered(self, address: str, taken: Range, answer: dict[str, Any]) -> None:
        """Check and count an answer."""
        if answer["hit"]:
            self._solution = self.problem.solved(Hit(*answer["hit"]))
            if self._solution is None:
                raise WrongSolutionError("it reports a solution that hashlib does not confirm")
        elif answer["exhausted"]:
            self.ledger.finish(taken)
            self.events.ranges += 1
            latest_hs = answer["hashes"] / answer["seconds"]
            self._set_rate(address, (self._rates_hs.get(address, latest_hs) + latest_hs) / 2)
            self._show()
        if self._over:
            self._ended.set()

    def _set_rate(self, address: str, rate_hs: float | None) -> None:
        """Set the rate to expect of a worker; None if it is not to be counted on."""
        self._fleet_hs -= self._rates_hs.pop(address, 0.0)
        if rate_hs is not None:
            self._rates_hs[address] = rate_hs
            self._fleet_hs += rate_hs

    def _show(self) -> None:
        rate = f"{self._fleet_hs / 1e6:,.0f} MH/s"
        self.progress(f"{len(self._rates_hs)} workers, {rate}", self.ledger.done_size / self.ledger.total)
        if time.monotonic() - self._kept_at_s > self._keep_pause_s:
            self._keep()

    def _keep(self) -> None:
        """Save the state, in at most a twentieth of the time. A disk that is full now may have room at the end."""
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
        """Return one sentence that says what was searched, and what went wrong on the way."""
        at_once, events = self.problem.versions_at_once, self.events
        hashes = self.ledger.done_size * at_once
        phrases = [f"searched {hashes:,} of {self.problem.hashes:,} hashes, {events.ranges:,} ranges in this run"]
        if events.lost:
            phrases.append(f"workers lost: {events.lost}")
        if events.overdue:
            phrases.append(f"ranges overdue and given to other workers: {events.overdue}")
        if events.reconnects:
            phrases.append(f"scheduler lost: {events.reconnects} times")
        if self.ledger.repeated:
            phrases.append(f"{self.ledger.repeated * at_once:,} hashes searched twice and counted once")
        return "; ".join(phrases)
