"""From the accounts of a run to the results of its record. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hashjoule.gauge.account import Fault
from hashjoule.gauge.channel import GaugedMiner
from hashjoule.gauge.energy import efficiency, reported
from hashjoule.gauge.poisson import WeightedSum, interval
from hashjoule.gauge.tally import Estimate
from hashjoule.hardware import Hardware, Kind
from hashjoule.records.gauge import Constancy, DeviceClaim, Gauge, ShareCounts
from hashjoule.records.schema import Energy, Rate, Refusal, Result
from hashjoule.statistics import median_deviation

BACKEND = "stratum"

ASIC_HS = 2e10
"""A rate that no CPU reaches: where nobody says what a miner is, it is taken for an ASIC from here on."""


def kind_by_rate(hashrate_hs: float) -> Kind:
    """Return what a miner most likely is, where nobody says it."""
    return "asic" if hashrate_hs >= ASIC_HS else "cpu"


def miner_name(miner: GaugedMiner) -> str:
    """Return what a miner calls itself, or where it connects from."""
    return ", ".join(word for word in (miner.agent, miner.worker) if word) or miner.host


def result_of(
    miner: GaugedMiner,
    estimate: Estimate,
    *,
    name: str | None,
    kind: Kind | None,
    energy: Energy | None,
    claim: DeviceClaim | None,
) -> Result:
    """Return the result of one miner that has delivered a share at least.

    Without an energy, the power that its device reports is used, if it does, and called reported.
    """
    if energy is None and claim and claim.power_w:
        energy = reported(claim.power_w, estimate.seconds, claim.last.source)
    gauge = Gauge(
        miners=1,
        agent=miner.agent or None,
        worker=miner.worker or None,
        connections=miner.connections,
        seconds=estimate.seconds,
        shares=_share_counts(estimate.shares.shares, miner.account.rejected),
        difficulty=miner.channels[-1].control.difficulty if miner.channels else miner.difficulty,
        lowest_difficulty=miner.limit,
        ramp_up=miner.account.ramp_up,
        constancy=Constancy(estimate.constant_p, estimate.longest_silence_s, estimate.silence_p),
        claim=claim,
    )
    rolled = miner.rolled or any(channel.rolled for channel in miner.channels)
    samples_hs = tuple(part.hashrate_hs for part in estimate.parts)
    rate = Rate(estimate.hashrate_hs, median_deviation(samples_hs), *estimate.interval_hs)
    return _result(
        name or miner_name(miner), kind or kind_by_rate(rate.median), rolled, rate, samples_hs, energy, gauge
    )


def sum_of(results: Sequence[Result], estimates: Sequence[Estimate], energy: Energy | None) -> Result:
    """Return the result of several miners together; a meter that feeds all of them belongs to it alone."""
    seen = WeightedSum()
    for estimate in estimates:
        seen = seen.plus(estimate.shares.scaled(1 / estimate.seconds))
    low_hs, high_hs = interval(seen)
    longest = max(estimates, key=lambda estimate: estimate.longest_silence_s)
    gauges = [result.gauge for result in results if isinstance(result.gauge, Gauge)]
    gauge = Gauge(
        miners=len(results),
        agent=None,
        worker=None,
        connections=sum(gauge.connections for gauge in gauges),
        seconds=max(gauge.seconds for gauge in gauges),
        shares=_added([gauge.shares for gauge in gauges]),
        difficulty=None,
        lowest_difficulty=None,
        ramp_up=None,
        constancy=Constancy(None, longest.longest_silence_s, longest.silence_p),
    )
    rate = Rate(seen.total, 0.0, low_hs, high_hs)
    rolled = any(result.mode == "rolled" for result in results)
    fastest = max(results, key=lambda result: result.hashrate_hs.median)
    kind = fastest.hardware.kind if isinstance(fastest.hardware, Hardware) else kind_by_rate(rate.median)
    return _result(f"{len(results)} miners together", kind, rolled, rate, (seen.total,), energy, gauge)


def _result(
    name: str,
    kind: Kind,
    rolled: bool,
    rate: Rate,
    samples_hs: tuple[float, ...],
    energy: Energy | None,
    gauge: Gauge,
) -> Result:
    return Result(
        backend=BACKEND,
        mode="rolled" if rolled else "plain",
        device=name,
        runtime=gauge.agent or "unknown",
        threads=1,
        hashes=round(rate.median * gauge.seconds),
        samples_hs=samples_hs,
        hashrate_hs=rate,
        hashes_per_cpu_second=None,
        cycles_per_hash=None,
        verified_hits=gauge.shares.counted,
        energy=energy,
        j_per_th=efficiency(energy, rate) if energy else None,
        hardware=Hardware(kind=kind, cpu_cores=0),
        gauge=gauge,
    )


def refusal_of(miner: GaugedMiner, estimate: Estimate | None) -> Refusal:
    """Return why a miner has no rate."""
    rejected = miner.account.rejected.total()
    if estimate is None:
        reason = "its ramp-up was not over at the end" if miner.account.last_share_s else "it delivered no share"
    else:
        reason = f"it delivered no share in {estimate.seconds:.0f} s, so at most {estimate.interval_hs.high:.3g} H/s"
    if rejected:
        reason += f"; {rejected:,} of its shares did not count ({_most_common(miner.account.rejected)})"
    return Refusal(BACKEND, "plain", f"{miner_name(miner)}: {reason}")


def _most_common(rejected: Counter[Fault]) -> str:
    return ", ".join(f"{number:,} {fault}" for fault, number in rejected.most_common(3))


def _share_counts(counted: int, rejected: Counter[Fault]) -> ShareCounts:
    return ShareCounts(
        counted=counted,
        above_target=rejected["above target"],
        duplicate=rejected["duplicate"],
        stale=rejected["stale"],
        unknown_job=rejected["unknown job"],
        time_out_of_range=rejected["time out of range"],
        version_bits=rejected["version bits outside the mask"],
        malformed=rejected["malformed"],
    )


def _added(counts: Sequence[ShareCounts]) -> ShareCounts:
    return ShareCounts(*(sum(getattr(each, name) for each in counts) for name in ShareCounts.__struct_fields__))
