"""What a device says of itself during a count: asked again and again, put together as means."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from hashjoule.gauge.devices import Device, DeviceError
from hashjoule.records.gauge import DeviceClaim, DeviceReport

PERIOD_S = 10.0
"""How often a device is asked."""

YOUNG_S = 600.0
"""Figures of a device that started so shortly ago are told with a warning."""


@dataclass
class DeviceWatch:
    """The reports of a device during a run. `ask` may take seconds, so it belongs into a thread of its own."""

    device: Device
    warnings: list[str] = field(default_factory=list)
    _last: DeviceReport | None = None
    _rates_hs: list[float] = field(default_factory=list)
    _powers_w: list[float] = field(default_factory=list)
    _readings: int = 0

    def first(self) -> None:
        """Ask the device for a first time.

        Raises:
            DeviceError: It cannot be reached, or is none.
        """
        self._last = self.device.read()
        if self._last.uptime_s is not None and self._last.uptime_s < YOUNG_S:
            self.warnings.append(
                f"the device started {self._last.uptime_s:.0f} s ago; what it says of itself is often wrong soon after"
            )

    def restart(self) -> None:
        """Forget all reports but the last: the count begins."""
        self._rates_hs.clear()
        self._powers_w.clear()
        self._readings = 0

    def ask(self) -> None:
        """Ask the device again; a silence is told once."""
        try:
            report = self.device.read()
        except DeviceError as error:
            sentence = f"the device did not always answer: {error}"
            if not any(warning.startswith("the device did not always") for warning in self.warnings):
                self.warnings.append(sentence)
            return
        self._last = report
        self._readings += 1
        rate_hs = report.hashrate_hs if report.hashrate_1m_hs is None else report.hashrate_1m_hs
        if rate_hs is not None:
            self._rates_hs.append(rate_hs)
        if report.power_w is not None:
            self._powers_w.append(report.power_w)

    def claim(self) -> DeviceClaim | None:
        """Return what the device said of itself since the count began; None if it said nothing."""
        if not self._last or not self._readings:
            return None
        hashrate_hs, power_w = (fmean(values) if values else None for values in (self._rates_hs, self._powers_w))
        return DeviceClaim(self._readings, hashrate_hs, power_w, self._last)
