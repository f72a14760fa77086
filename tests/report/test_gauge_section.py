"""The section of a gauged miner names the miner, shows its verified shares, and marks what the miner says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hashjoule.efficiency.table import dated_record
from hashjoule.report.page import report_page
from tests.plain_records import write_record

GAUGE: dict[str, Any] = {
    "miners": 1,
    "agent": "bitaxe/BM1370",
    "worker": "anybody.1",
    "connections": 1,
    "seconds": 3600.0,
    "shares": {"counted": 3724, "stale": 2},
    "difficulty": 261.5,
    "lowest_difficulty": None,
    "ramp_up": None,
    "constancy": {"p_value": 0.42, "longest_silence_s": 8.5, "silence_p_value": 0.31},
    "claim": {
        "readings": 3,
        "hashrate_hs": 1.21e12,
        "power_w": 17.4,
        "last": {"source": "AxeOS at 192.0.2.31:80", "hashrate_hs": 1.21e12, "power_w": 17.4},
    },
}
RATE = {"median": 1.16e12, "mad": 1e10, "ci95_low": 1.12e12, "ci95_high": 1.2e12}


def gauged(device: str, method: str, scope: str) -> dict[str, Any]:
    """Return a result of `hashjoule gauge` whose power comes from a meter or from the device's own report."""
    return {
        "backend": "stratum",
        "mode": "rolled",
        "device": device,
        "runtime": "bitaxe/BM1370",
        "threads": 1,
        "hashes": 4 * 10**15,
        "samples_hs": [1.16e12] * 10,
        "hashrate_hs": RATE,
        "hashes_per_cpu_second": None,
        "cycles_per_hash": None,
        "verified_hits": 3724,
        "energy": {"joules": 82440.0, "seconds": 3600.0, "source": "a meter", "scope": scope, "method": method},
        "j_per_th": {"value": 19.7, "low": 19.1, "high": 20.4},
        "hardware": {"kind": "asic", "cpu_cores": 0},
        "gauge": GAUGE,
    }


def page(folder: Path, *results: dict[str, Any]) -> str:
    """The page of one record of `hashjoule gauge`."""
    path = write_record(folder, *results)
    return report_page([(path.name, dated_record(path))])


def test_a_gauged_miner_has_its_own_section(tmp_path: Path) -> None:
    """The heading names the miner, not the computer that counted; measured and reported rates are both shown."""
    html = page(tmp_path, gauged("Bitaxe Gamma", "counter", "wall"))
    assert '<h2 id="machine-title-0">Bitaxe Gamma</h2>' in html
    assert "Bitaxe Gamma: 1.16 TH/s proven by 3,724 shares in 60.0 minutes" in html
    assert "<b>1.16 TH/s</b> <small>1.12 TH/s to 1.20 TH/s</small>" in html
    assert ">reported</span>" in html
    assert "<b>1.21 TH/s</b>" in html
    assert "3,724 shares counted, 2 rejected, 22.9 W (counter), 19.7 J/TH" in html
    assert "Power at the wall" in html
    assert "power +31.6% against the device&#x27;s own figures" in html


def test_a_reported_power_is_called_reported(tmp_path: Path) -> None:
    """Headline, facts and the note in the chart say that the device reported it; a metered power is preferred."""
    html = page(tmp_path, gauged("Claimer", "reported", "device"))
    assert "<h1>Claimer takes 19.7 joules for a terahash, by its own report of its power</h1>" in html
    assert "22.9 W (reported)" in html
    rows = json.loads(html.partition('id="data">')[2].partition("</script>")[0])["rows"]
    (own,) = (row for row in rows if row["measured"])
    assert own["hollow"]
    assert "19.7 J/TH (reported power)" in own["facts"]
    both = page(tmp_path, gauged("Claimer", "reported", "device"), gauged("Metered", "counter", "wall"))
    assert "<h1>Metered takes 19.7 joules for a terahash</h1>" in both
