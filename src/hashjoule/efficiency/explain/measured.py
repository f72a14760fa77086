"""Results of a measured record as subjects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hashjoule.data.chips import processor_named
from hashjoule.efficiency.explain.published import assumed_operations, gpu_operations, processor_supply
from hashjoule.efficiency.explain.types import COUNTED, CodeCost, Operations, Subject
from hashjoule.efficiency.operations import (
    AVX512,
    SCALAR,
    VECTOR,
    WIDE,
    InstructionSet,
    count_compression,
    count_operations,
)
from hashjoule.efficiency.table import class_of
from hashjoule.errors import UsageError
from hashjoule.power import METERED, UNMETERED
from hashjoule.records.schema import Energy, Record, Result

_INSTRUCTION_SETS = {
    "c:portable": SCALAR, "c:sse2": VECTOR, "c:avx2": VECTOR, "c:avx512": AVX512, "c:neon": VECTOR, "c:shani": WIDE,
    "c:shani_avx512": WIDE, "c:armv8": WIDE,
}  # fmt: skip
_SHA_FEATURES = ("sha_ni", "sha2")


def record_subject(record: Record, backend: str | None = None, watts: float | None = None) -> Subject:
    """Return a result of a record as a subject.

    Args:
        record: The record.
        backend: Which backend's result; None for the one with the fewest joules, else the fastest.
        watts: Declares the power of the machine.

    Raises:
        UsageError: If the backend is not in the record, or there is no energy and none is declared.
    """
    result = _choose(record, backend)
    j_per_th, basis = _energy(result, watts)
    machine_class = class_of(record, result)
    device = record.name_of(result)
    processor = processor_named(device)
    gauged = bool(result.gauge)  # by its shares: another machine than this one, and its code is not known
    return Subject(
        name=device if gauged else f"{result.backend} {result.mode} on {device}",
        machine_class=machine_class,
        j_per_th=j_per_th,
        basis=basis,
        source=f"record of {record.created[:10]}",
        operations=assumed_operations(machine_class, device) if gauged else _executed(record, result),
        process_nm=None if processor is None else processor.process_nm,
        node_source="" if processor is None else f"node: {processor.source_url}",
        supply=None if machine_class in ("asic", "fpga") else processor_supply(processor),
        asicboost=result.mode == "rolled",
        code=None if gauged else _code_cost(record, result),
    )


def _choose(record: Record, backend: str | None) -> Result:
    results = [result for result in record.results if backend in (None, result.backend)]
    if not results:
        held = ", ".join(sorted({result.backend for result in record.results})) or "nothing"
        raise UsageError(f"the record holds no result of backend {backend}; it holds {held}")
    metered = [result for result in results if result.j_per_th is not None]
    if metered:
        return min(metered, key=_trust_and_energy)
    return max(results, key=lambda result: result.hashrate_hs.median)


def _trust_and_energy(result: Result) -> tuple[bool, float]:
    """Sort key: results with a metered power first, then those with the fewest joules."""
    unmetered = result.energy is not None and result.energy.method in UNMETERED
    return unmetered, result.j_per_th.value if result.j_per_th else math.inf


def _energy(result: Result, watts: float | None) -> tuple[float, str]:
    """J/TH and how it was had; never without a meter or a declared power."""
    if watts is not None:
        return watts / result.hashrate_hs.median * 1e12, "declared"
    if result.j_per_th is None or result.energy is None:
        raise UsageError(
            "the record holds no energy, so there is no J/TH to explain: declare the power with --watts WATTS, or "
            "explain a published machine with --machine NAME"
        )
    names = {"declared": "declared", "bound": "upper bound", "reported": "reported by the device"}
    return result.j_per_th.value, names.get(result.energy.method, "measured")


def _instruction_set(record: Record, result: Result) -> InstructionSet:
    """Return the operations that the code of a CPU result uses."""
    features = record.machine.features
    if result.backend == "reference":
        return WIDE if any(feature in features for feature in _SHA_FEATURES) else SCALAR
    if result.backend in _INSTRUCTION_SETS:
        return _INSTRUCTION_SETS[result.backend]
    return AVX512 if any(feature.startswith("avx512") for feature in features) else VECTOR


def _executed(record: Record, result: Result) -> Operations:
    """Operations of a measured result. Plain counts: what rolling saves is the AsicBoost factor."""
    if class_of(record, result) == "gpu":
        return gpu_operations(record.name_of(result))
    offered = _instruction_set(record, result)
    if result.backend == "reference":
        count = 3 * count_compression(offered)
        what = "SHA instructions of OpenSSL" if offered is WIDE else "OpenSSL"
        note = f"hashlib computes three whole compressions ({what}); most of its time goes to Python, not to them"
        return Operations(count, count, count, COUNTED, note)
    count = count_operations(offered)
    note = "SHA instructions, rounds in hardware" if offered is WIDE else offered.name
    return Operations(count, count, count, COUNTED, note)


def _code_cost(record: Record, result: Result) -> CodeCost:
    """How much more the code costs than the fastest on this device in the same mode, at as many operations.

    Codes that ran on as many cores are compared as they are; others by their rate per core.
    """
    device = record.name_of(result)
    of_device = [r for r in record.results if r.mode == result.mode and record.name_of(r) == device]
    cores = record.cores_of(result)
    peers = [r for r in of_device if record.cores_of(r) == cores]
    per_core = len(peers) < 2
    peers = of_device if per_core else peers
    if len(peers) < 2:
        return CodeCost(1.0, 1.0, 1.0, f"no other code was measured {result.mode} on this device")
    fastest = max(peers, key=lambda peer: peer.hashrate_hs.median / _divisor(record, peer, per_core))
    if fastest is result:
        return CodeCost(1.0, 1.0, 1.0, "the fastest code on this device")
    return _against(record, result, fastest, per_core)


def _divisor(record: Record, result: Result, per_core: bool) -> int:
    return max(1, record.cores_of(result)) if per_core else 1


def _against(record: Record, result: Result, fastest: Result, per_core: bool) -> CodeCost:
    own, its = result.hashrate_hs, fastest.hashrate_hs
    scale = _divisor(record, result, per_core) / _divisor(record, fastest, per_core)
    metered: Sequence[Energy | None] = (result.energy, fastest.energy)
    if all(energy is not None and energy.method in METERED for energy in metered) and not per_core:
        power, how = _power_w(result.energy) / _power_w(fastest.energy), "less energy, metered"
    else:
        power, how = 1.0, "the rate per core" if per_core else "the rate, at the same power"
    fewer = _executed(record, result).count / _executed(record, fastest).count
    measured = its.median / own.median * power * scale
    return CodeCost(
        ratio=measured / fewer,
        low=its.ci95_low / own.ci95_high * power * scale / fewer,
        high=its.ci95_high / own.ci95_low * power * scale / fewer,
        note=f"{fastest.backend}: {measured:.2f}x {how}; {fewer:.2f}x of it by fewer operations",
    )


def _power_w(energy: Energy | None) -> float:
    assert energy is not None
    return energy.joules / energy.seconds
