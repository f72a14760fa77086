"""NVIDIA GPUs through NVML: the board's total energy counter, or its power, sampled, where it has no counter.

nvmlDeviceGetTotalEnergyConsumption counts millijoules since the driver was loaded (Volta and later);
nvmlDeviceGetPowerUsage gives milliwatts, averaged over a second on most boards since Ampere. Both cover the GPU with
its memory (NVML API reference, device queries).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from hashjoule.meters import Meter, MeterError, Reading, closed
from hashjoule.meters.sampled import Integral

_COUNTER_INTERVAL_S = 0.1
_POWER_INTERVAL_S = 1.0


class EnergyCounter:
    """A board's energy counter."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._from_mj = self._read()

    def joules(self) -> float:
        """See `Reading.joules`."""
        return (self._read() - self._from_mj) / 1e3

    def close(self) -> None:
        """NVML stays loaded: others may use it."""

    def _read(self) -> int:
        import pynvml

        return int(_asked(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)))


def meters() -> list[Meter]:
    """A meter for each board."""
    if find_spec("pynvml") is None:
        return [_closed("nvml", "nvidia-ml-py is not installed; pip install 'hashjoule[meter]'")]
    import pynvml

    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError as error:
        return [_closed("nvml", f"NVML does not start ({error}); install NVIDIA's driver")]
    return [_meter(i) for i in range(count)] or [_closed("nvml", "the driver shows no NVIDIA GPU")]


def _meter(index: int) -> Meter:
    import pynvml

    name = f"nvml:{index}"
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        board = _text(pynvml.nvmlDeviceGetName(handle))
        pci = pynvml.nvmlDeviceGetPciInfo(handle)
    except pynvml.NVMLError as error:
        return _closed(name, f"the GPU does not answer ({error}); see nvidia-smi")
    pci_bus_id = f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.0"
    if _answers(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)):
        return Meter(
            name, f"NVML energy counter of {board} at {pci_bus_id}", "board", "counter", "gpu",
            partial(EnergyCounter, handle), _COUNTER_INTERVAL_S, pci_bus_id=pci_bus_id,
        )  # fmt: skip
    if _answers(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)):
        return Meter(
            name, f"NVML power of {board} at {pci_bus_id}", "board", "sampled", "gpu",
            partial(_sampled, handle), _POWER_INTERVAL_S, pci_bus_id=pci_bus_id,
        )  # fmt: skip
    return _closed(name, f"{board} shows neither energy nor power; declare it with --watts")


def _sampled(handle: Any) -> Reading:
    import pynvml

    return Integral(lambda: _asked(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)) / 1e3)


def _asked(ask: Callable[[], Any]) -> Any:
    import pynvml

    try:
        return ask()
    except pynvml.NVMLError as error:
        raise MeterError(f"NVML does not answer any more ({error})") from None


def _answers(ask: Callable[[], Any]) -> bool:
    try:
        _asked(ask)
    except MeterError:
        return False
    return True


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _closed(name: str, why: str) -> Meter:
    return closed(name, "board", "counter", "gpu", why)
