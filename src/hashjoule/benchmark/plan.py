"""What a benchmark run is to measure, and by which meters."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hashjoule import meters
from hashjoule.backends import BackendSpec, provider_of
from hashjoule.benchmark.measurement import device_key
from hashjoule.errors import UsageError
from hashjoule.hardware import usable_cores
from hashjoule.meters import Meter, MeterError, battery, plug_url, plugs, tdp
from hashjoule.meters.stated import declared
from hashjoule.records.facts import cpu_name

SECONDS = 2.0
"""Time for each measurement, unless asked otherwise."""
QUICK_SECONDS = 0.4


class Plan(Struct, frozen=True):
    """What `bench` is to measure, as its options say; None for their defaults."""

    names: tuple[str, ...] = ("all",)
    modes: tuple[str, ...] = ("plain", "rolled")
    threads: int | None = None
    """None: one, and then all cores for the fastest."""
    thread_scan: bool = False
    seconds: float = SECONDS
    sustained_s: float | None = None
    watts: float | None = None
    """Power in watts of the whole machine while it searches, stated by the user."""
    tdp: bool = False
    meter: str | None = None
    """The URL of a wall plug."""
    quick: bool = False
    """Whether backends are left out that have to be compiled or tuned first."""

    def check(self) -> None:
        """Check what can be checked without looking at devices.

        Raises:
            UsageError: for options that contradict each other, or an unknown backend or meter.
        """
        powers = [
            name for name, given in (("--meter", self.meter), ("--watts", self.watts), ("--tdp", self.tdp)) if given
        ]
        if len(powers) > 1:
            raise UsageError(f"{powers[0]} says the power already; leave out {' and '.join(powers[1:])}")
        if self.watts and self.thread_scan:
            raise UsageError(
                "--watts is the power of one state, but --thread-scan measures many; leave out one of them"
            )
        if self.meter:
            plug_url.parse(self.meter)
        for name in self.names:
            if name != "all":
                provider_of(name)

    def settled(self, specs: Sequence[BackendSpec]) -> Plan:
        """Return the plan for these backends: with a stated power there is one state to measure, that of full load.

        Raises:
            UsageError: if one figure is stated for several devices, or there are more threads than cores.
        """
        if self.threads and self.threads > usable_cores():
            raise UsageError(
                f"--threads {self.threads} is more than this process may use, which is {usable_cores()}; "
                "more threads than cores only take turns"
            )
        if not self.watts:
            return self
        devices = list({device_key(spec): spec.device for spec in specs}.values())
        if len(devices) > 1:
            raise UsageError(
                f"--watts states one power, but {len(devices)} devices are to be measured ({', '.join(devices)}); "
                "choose one with --backend"
            )
        return replace(self, threads=self.threads or usable_cores())

    def meters(self, specs: Sequence[BackendSpec]) -> list[Meter]:
        """Return what shows the energy. A plug is asked what it is.

        Raises:
            UsageError: if the CPU's rated power is wanted and not known.
            MeterError: if the plug cannot be used, or does not show what this machine draws.
        """
        if self.watts:
            on_cpu = any(spec.on_cpu for spec in specs)
            return [declared(self.watts, (self.threads or usable_cores()) if on_cpu else 0)]
        if self.meter:
            if why := battery.disturbance():
                raise MeterError(why)
            return [plugs.meter(self.meter)]
        return meters.meters() + ([tdp.bound(cpu_name(), tdp.sockets())] if self.tdp else [])
