"""Answers of devices in the forms, units and types of the makers' documentation; the figures are made up."""

from __future__ import annotations

from typing import Any

Answers = dict[str, Any]
"""By command of the cgminer API."""


def status(message: str, letter: str = "S") -> list[dict[str, Any]]:
    """The status section of a cgminer answer."""
    return [{"STATUS": letter, "When": 1, "Code": 11, "Msg": message, "Description": "miner 1.0"}]


def section(name: str, *items: dict[str, Any]) -> dict[str, Any]:
    """An answer with one section."""
    return {"STATUS": status(name), name: list(items), "id": 1}


AXEOS: Answers = {
    "power": 17.4,
    "voltage": 5075.0,
    "current": 3437.5,
    "temp": 61.5,
    "vrTemp": 54,
    "hashRate": 1210.4,
    "hashRate_1m": 1205.0,
    "hashRate_10m": 1198.5,
    "hashRate_1h": 1201.0,
    "expectedHashrate": 1224.0,
    "errorPercentage": 0.2,
    "coreVoltage": 1150,
    "coreVoltageActual": 1142,
    "frequency": 600,
    "uptimeSeconds": 86400,
    "smallCoreCount": 2040,
    "ASICModel": "BM1370",
    "boardVersion": "602",
    "deviceModel": "Gamma",
    "version": "v2.12.0",
}
"""The form of ESP-Miner 2.12 (main/http_server/system_api_json.c)."""

ANTMINER: Answers = {
    "version": section(
        "VERSION",
        {"API": "3.1", "BMMiner": "1.0.0", "CompileTime": "x", "Miner": "49.0.1.3", "Type": "Antminer S19 Pro"},
    ),
    "summary": section(
        "SUMMARY",
        {"Elapsed": 5000, "GHS 5s": "110000.50", "GHS av": 109000.25, "GHS 30m": 109500.0, "Hardware Errors": 5},
    ),
    "stats": section(
        "STATS",
        {"BMMiner": "1.0.0", "Type": "Antminer S19 Pro"},
        {
            "Elapsed": 5000,
            "frequency": 525,
            "total_freqavg": 520.5,
            "total_rateideal": 110000.0,
            "temp2_1": 78,
            "temp2_2": 81,
            "temp2_3": 69,
            "temp_max": 0,
        },
    ),
}
"""Stock firmware of an S19: rates in GH/s, some as text, and no power."""

WHATSMINER: Answers = {
    "summary": section(
        "SUMMARY",
        {
            "Elapsed": 25000,
            "HS RT": 124500000.0,
            "MHS av": 125000000.0,
            "Factory GHS": 126000,
            "Power": 3200,
            "Target Freq": 600,
            "Chip Temp Max": 81.0,
        },
    ),
}
"""Firmware with API 2: rates in MH/s, power in W."""

AVALON: Answers = {
    "version": section(
        "VERSION", {"API": "3.7", "CGMiner": "4.11.1", "LVERSION": "25052801_14a19a2", "PROD": "Avalon Q", "MODEL": "Q"}
    ),
    "summary": section(
        "SUMMARY", {"Elapsed": 800, "MHS av": 79000000.0, "MHS 5s": 81000000.0, "MHS 1m": 80500000.0, "MHS 15m": 1.0}
    ),
    "stats": section(
        "STATS",
        {
            "ID": "AVALON0",
            "MM ID0": "Ver[1246] TMax[77] TAvg[65] PS[0 1214 1316 242 3189 1320 3504]"
            " GHSspd[81072.68] GHSmm[83923.04] GHSavg[79656.63] Freq[502.41] Core[A3201] SYSTEMSTATU[Work: In Work ]",
        },
    ),
}
"""Most figures packed into one text; which number of PS is watts differs by model."""

BRAIINS: Answers = {
    "version": section("VERSION", {"API": "3.7", "BOSer": "boser-buildroot 0.1.0"}),
    "summary": section(
        "SUMMARY",
        {"Elapsed": 7000, "MHS 5s": 95000000.0, "MHS 1m": 94000000.0, "MHS 15m": 93500000.0, "MHS av": 93000000.0},
    ),
    "tunerstatus": section(
        "TUNERSTATUS",
        {"ApproximateMinerPowerConsumption": 2950, "ApproximateChainPowerConsumption": 2850, "PowerLimit": 3000},
    ),
}
"""Rates in MH/s, power from the tuner."""

LUXOS: Answers = {
    "version": section("VERSION", {"API": "3.7", "LUXminer": "2025.4.8", "Type": "Antminer S19k Pro"}),
    "summary": section(
        "SUMMARY", {"Elapsed": 3453, "GHS 5s": 59756.06, "GHS 1m": 60829.48, "GHS 15m": 61506.37, "GHS av": 56917.91}
    ),
    "power": section("POWER", {"PSU": False, "Watts": 1051}),
}
"""Rates in GH/s, power from a command of its own."""
