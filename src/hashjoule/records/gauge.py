"""The `gauge` part of a result: how shares were counted, and what the device says of itself.

Everything is in SI units and unrounded. What is not known is null.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from hashjoule.records.fields import Count, NonNegative, Positive, Probability


class ShareCounts(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of the count, and all shares since the first job that do not count, by reason."""

    counted: Count
    above_target: Count = 0
    """The hash does not meet the share target: a hardware error, or a miner that ignores its difficulty."""
    duplicate: Count = 0
    stale: Count = 0
    unknown_job: Count = 0
    time_out_of_range: Count = 0
    version_bits: Count = 0
    """Version bits outside the mask."""
    malformed: Count = 0


class RampUp(Struct, frozen=True, forbid_unknown_fields=True):
    """The time before the count, which is not part of the rate. `settled`: three estimates agreed."""

    seconds: NonNegative
    shares: Count
    hashrate_hs: NonNegative
    settled: bool


class Constancy(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the rate was constant: chi-square test over the parts, and the longest time without a share."""

    p_value: Probability | None
    """The probability of parts as unequal at a constant rate; null with fewer than five shares a part."""
    longest_silence_s: NonNegative
    silence_p_value: Probability
    """The probability of a silence as long at a constant rate."""


class DeviceReport(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a device says of itself at one moment."""

    source: str
    """Where it was read."""
    model: str | None = None
    chip: str | None = None
    firmware: str | None = None
    uptime_s: NonNegative | None = None
    hashrate_hs: NonNegative | None = None
    """Over the last seconds."""
    hashrate_1m_hs: NonNegative | None = None
    hashrate_10m_hs: NonNegative | None = None
    """Over ten or fifteen minutes, whichever the device knows; null while it has run for less."""
    hashrate_average_hs: NonNegative | None = None
    """Since it started."""
    expected_hashrate_hs: NonNegative | None = None
    """By its frequency and its number of cores; not measured."""
    power_w: NonNegative | None = None
    frequency_hz: Positive | None = None
    core_voltage_v: NonNegative | None = None
    chip_temperature_c: float | None = None
    regulator_temperature_c: float | None = None


class DeviceClaim(Struct, frozen=True, forbid_unknown_fields=True):
    """What a device said of itself during the count: means over its reports, and the last report."""

    readings: Count
    hashrate_hs: NonNegative | None
    power_w: NonNegative | None
    last: DeviceReport


class Gauge(Struct, frozen=True, forbid_unknown_fields=True):
    """How a miner, or several together, were measured by the shares that they delivered."""

    miners: Annotated[int, Meta(ge=1)]
    """1, or how many miners this result adds up."""
    agent: str | None
    worker: str | None
    connections: Annotated[int, Meta(ge=1)]
    """All connections from the first on; more than the miner keeps at a time if it has reconnected."""
    seconds: Positive
    """The length of the count."""
    shares: ShareCounts
    difficulty: Positive | None
    """The share difficulty at the end of the count; null for several miners."""
    lowest_difficulty: Positive | None
    """The difficulty below which the miner reports no share; null if it has no such limit."""
    ramp_up: RampUp | None
    constancy: Constancy
    claim: DeviceClaim | None = None
