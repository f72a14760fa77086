"""AxeOS, the firmware of Bitaxe, NerdQAxe and their kin: GET /api/system/info.

Source: ESP-Miner 2.12, main/http_server/system_api_json.c and openapi.yaml.
"""

from __future__ import annotations

from hashjoule.gauge.devices import DeviceError
from hashjoule.gauge.devices.values import Fields, above_zero, amount, full_window, number, words
from hashjoule.meters import MeterError, web
from hashjoule.records.gauge import DeviceReport

PORT = 80
_PATH = "/api/system/info"
_GIGA, _MEGA, _MILLI = 1e9, 1e6, 1e-3


def read(host: str, port: int) -> DeviceReport:
    """Return what the device says of itself now.

    Raises:
        DeviceError: It cannot be reached, or is no AxeOS device.
    """
    try:
        answer = web.get(host, port, _PATH, web.Login())
    except MeterError as error:
        raise DeviceError(f"the device at {error}") from None
    if answer.status != 200 or not isinstance(answer.content, dict) or "ASICModel" not in answer.content:
        raise DeviceError(f"{host}:{port} is not an AxeOS device: {_PATH} shows no ASICModel; check --device")
    return report(answer.content, f"AxeOS at {host}:{port}")


def report(info: Fields, source: str) -> DeviceReport:
    """Return the report that an answer holds: GH/s, W, MHz, mV, °C and seconds there."""
    uptime_s = amount(info, "uptimeSeconds")
    return DeviceReport(
        source=source,
        model=words(info, "deviceModel", "boardVersion"),
        chip=words(info, "ASICModel"),
        firmware=words(info, "version"),
        uptime_s=uptime_s,
        hashrate_hs=amount(info, "hashRate", unit=_GIGA),
        hashrate_1m_hs=full_window(amount(info, "hashRate_1m", unit=_GIGA), uptime_s, 60),
        hashrate_10m_hs=full_window(amount(info, "hashRate_10m", unit=_GIGA), uptime_s, 600),
        expected_hashrate_hs=amount(info, "expectedHashrate", unit=_GIGA),
        power_w=above_zero(info, "power"),
        frequency_hz=above_zero(info, "frequency", unit=_MEGA),
        core_voltage_v=above_zero(info, "coreVoltageActual", "coreVoltage", unit=_MILLI),
        chip_temperature_c=_sensor(info, "temp"),
        regulator_temperature_c=_sensor(info, "vrTemp"),
    )


def _sensor(info: Fields, name: str) -> float | None:
    """Return a temperature; AxeOS writes -1 for a sensor that does not answer and 0 for one that is not there."""
    value = number(info, name)
    return value if value is not None and value > 0 else None
