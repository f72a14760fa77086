"""NVIDIA GPUs through NVML: the board's energy counter, or its power, sampled, where it has no counter.

nvmlDeviceGetTotalEnergyConsumption counts millijoules since the driver was loaded (Volta and later);
nvmlDeviceGetPowerUsage gives milliwatts, averaged over a second on most boards since Ampere. Both cover the GPU with
its memory.

Source: NVML API reference, device queries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from hashjoule.meters import Meter, MeterError, Reading, closed
from hashjoule.meters.sampled import Integral
from hashjoule.meters.sysfs import Counter

_COUNTER_INTERVAL_S = 0.1
_POWER_INTERVAL_S = 1.0


def meters() -> list[Meter]:
    """Return a meter for each board."""
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
        board = _decoded(pynvml.nvmlDeviceGetName(handle))
        pci = pynvml.nvmlDeviceGetPciInfo(handle)
    except pynvml.NVMLError as error:
        return _closed(name, f"the GPU does not answer ({error}); see nvidia-smi")
    pci_bus_id = f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.0"
    if _answers(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle):
        return Meter(
            name=name,
            source=f"NVML energy counter of {board} at {pci_bus_id}",
            scope="board",
            method="counter",
            covers="gpu",
            open=partial(_counted, handle),
            interval_s=_COUNTER_INTERVAL_S,
            pci_bus_id=pci_bus_id,
        )
    if _answers(pynvml.nvmlDeviceGetPowerUsage, handle):
        return Meter(
            name=name,
            source=f"NVML power of {board} at {pci_bus_id}",
            scope="board",
            method="sampled",
            covers="gpu",
            open=partial(_sampled, handle),
            interval_s=_POWER_INTERVAL_S,
            pci_bus_id=pci_bus_id,
        )
    return _closed(name, f"{board} shows neither energy nor power; state its power with --watts")


def _counted(handle: Any) -> Reading:
    import pynvml

    return Counter(lambda: int(_asked(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)), 1e3)


def _sampled(handle: Any) -> Reading:
    import pynvml

    return Integral(lambda: _asked(pynvml.nvmlDeviceGetPowerUsage, handle) / 1e3)


def _asked(query: Callable[[Any], Any], handle: Any) -> Any:
    import pynvml

    try:
        return query(handle)
    except pynvml.NVMLError as error:
        raise MeterError(f"NVML does not answer any more ({error})") from None


def _answers(query: Callable[[Any], Any], handle: Any) -> bool:
    try:
        _asked(query, handle)
    except MeterError:
        return False
    return True


def _decoded(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _closed(name: str, why: str) -> Meter:
    return closed(name, "board", "counter", "gpu", why)
