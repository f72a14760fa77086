"""Simulated miners on the gauge's own accounting, for tests and experiments: no hash is made, no socket opened."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from statistics import fmean, stdev

from hashjoule.gauge.account import Account, ends_run
from hashjoule.gauge.book import HandedOut
from hashjoule.gauge.channel import Channel, GaugedMiner
from hashjoule.gauge.difficulty import FIRST_DIFFICULTY, DifficultyControl
from hashjoule.gauge.tally import Estimate
from hashjoule.job import MAX_TARGET
from hashjoule.stratum.difficulty import expected_hashes, target_of
from hashjoule.stratum.jobs import StratumJob

WHIM_S = 30.0


@dataclass(frozen=True)
class Simulated:
    """Many simulated runs: the mean estimate over the truth, its standard error, and how often the interval held it."""

    runs: int
    mean: float
    standard_error: float
    coverage: float
    shares: float
    """The mean number of shares."""


def simulate(
    make: Callable[[random.Random], SimulatedMiner],
    measure: Callable[[SimulatedMiner], Estimate],
    runs: int,
    first_seed: int = 0,
) -> Simulated:
    """Measure so many miners, each with luck of its own."""
    ratios, held, shares = [], 0, 0
    for seed in range(first_seed, first_seed + runs):
        miner = make(random.Random(seed))
        estimate = measure(miner)
        ratios.append(estimate.hashrate_hs / miner.hashrate_hs)
        held += estimate.interval_hs.low <= miner.hashrate_hs <= estimate.interval_hs.high
        shares += estimate.shares.shares
    error = stdev(ratios) / math.sqrt(runs)
    return Simulated(runs, fmean(ratios), error, held / runs, shares / runs)


def empty_job(job_id: str, target: int) -> StratumJob:
    """A job without content: the accounting looks at its id and its target only."""
    return StratumJob(job_id, b"", b"", b"", (), 0x20000000, 0x17000000, 0, 8, target)


@dataclass(kw_only=True)
class SimulatedMiner:
    """A miner whose shares arrive at random, as those of real work do, on a clock of the simulation's own."""

    hashrate_hs: float
    rng: random.Random
    latency_s: float = 0.0
    """From handing out a job to its first hash, and from a hash to the arrival of its share."""
    chip_limit: float = 0.0
    """Hashes of a lower difficulty are never reported."""
    restless: bool = False
    """Whether the difficulty is changed every half minute, up after many shares and down after few."""
    fixed: float | None = None
    """The difficulty, if it is not to be searched."""
    tick_s: float = 1.0
    miner: GaugedMiner = field(init=False)
    channel: Channel = field(init=False)

    def __post_init__(self) -> None:
        account = Account(0.0)
        control = DifficultyControl(self.fixed or FIRST_DIFFICULTY, 0.0, fixed=self.fixed is not None)
        self.miner, self.channel = GaugedMiner("", "", "", account), Channel(account, control)
        self.miner.join(self.channel)
        self._chip_target = target_of(self.chip_limit) if self.chip_limit else MAX_TARGET
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._job: HandedOut | None = None
        self._ended_s: float | None = None
        self._precision = math.nan
        self._whim_s, self._whim_shares = 0.0, 0
        self._hand_out(0.0, clean=True)
        self._at(0.0, self._tick)

    def run(self, seconds: float) -> Estimate:
        """Measure for so many seconds after the ramp-up."""
        while not self.miner.account.count:
            self._step()
        end_s = self.miner.account.count.began_s + seconds
        while self._events[0][0] < end_s:
            self._step()
        return self.miner.account.count.estimate(end_s)

    def run_to(self, precision: float) -> Estimate:
        """Measure until the interval is that narrow."""
        self._precision = precision
        while self._ended_s is None:
            self._step()
        assert self.miner.account.count
        return self.miner.account.count.estimate(self._ended_s)

    def _at(self, at_s: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), event))

    def _step(self) -> None:
        at_s, _, event = heapq.heappop(self._events)
        event(at_s)

    def _tick(self, now_s: float) -> None:
        for channel, clean in self.miner.advance(now_s):
            assert channel is self.channel
            self._hand_out(now_s, clean=clean)
        if self.restless and now_s - self._whim_s >= WHIM_S:
            self._change_at_whim(now_s)
        self._at(now_s + self.tick_s, self._tick)

    def _change_at_whim(self, now_s: float) -> None:
        assert self._job
        many = self._whim_shares > WHIM_S * self.hashrate_hs / self._job.hashes
        even = self.hashrate_hs / 2**32
        wanted = self.channel.control.difficulty * (2.0 if many else 0.5)
        self.channel.control.change(min(max(wanted, even / 4), even * 4), now_s)
        self._whim_s, self._whim_shares = now_s, 0
        self._hand_out(now_s, clean=True)

    def _hand_out(self, now_s: float, *, clean: bool) -> None:
        job = empty_job(self.channel.book.next_id(), self.channel.target)
        handed = self.channel.hand_out(job, now_s, clean=clean)
        self._at(now_s + self.latency_s, lambda at_s: self._begin(handed, at_s))

    def _begin(self, handed: HandedOut, now_s: float) -> None:
        self._job = handed
        self._search(handed, now_s)

    def _search(self, handed: HandedOut, now_s: float) -> None:
        """Find the next hash that is reported: one that meets the job's target and the chip's own."""
        target = min(handed.job.target, self._chip_target)
        found_s = now_s + self.rng.expovariate(self.hashrate_hs / expected_hashes(target))
        self._at(found_s, lambda at_s: self._find(handed, target, at_s))

    def _find(self, handed: HandedOut, target: int, now_s: float) -> None:
        if handed is not self._job:  # waiting times have no memory: the next job has drawn its own
            return
        value = self.rng.randrange(target + 1)
        self._at(now_s + self.latency_s, lambda at_s: self._arrive(handed, value, at_s))
        self._search(handed, now_s)

    def _arrive(self, handed: HandedOut, value: int, now_s: float) -> None:
        account = self.miner.account
        self._whim_shares += 1
        if self._precision == self._precision and ends_run(account, [account], self._precision, now_s, math.inf):
            self._ended_s = now_s
        found = self.channel.find(handed.job.id, now_s)
        if isinstance(found, str):
            account.reject(found)
        elif self._ended_s is None:
            assert found.is_new(value)
            self.channel.credit(found, value, now_s)
