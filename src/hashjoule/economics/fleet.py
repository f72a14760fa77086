"""Power, energy, heat and air of many machines."""

from __future__ import annotations

from hashjoule.economics import formulas
from hashjoule.economics.inputs import Miner, put_miner
from hashjoule.economics.sheet import GIVEN, Sheet
from hashjoule.errors import UsageError

DEFAULT_RISE_K = 12.0


def fleet_of_machines(
    miner: Miner, watts: float | None, count: int | None, ehs: float | None, rise_k: float = DEFAULT_RISE_K
) -> Sheet:
    """Return what N machines take, or as many as make up a hash rate in EH/s.

    Raises:
        UsageError: If neither or both sizes are given, or the power is not known.
    """
    if (count is None) == (ehs is None):
        raise UsageError("say how large the fleet is: --count N or --ehs EH/s")
    sheet = Sheet()
    miner = put_miner(sheet, miner, watts)
    number = count if count is not None else formulas.machines_for((ehs or 0.0) * 1e18, miner.hashrate_hs)
    sheet.add("machines", number)
    return _add_fleet(sheet, miner.hashrate_hs * number, miner.watts * number, rise_k)


def fleet_of_efficiency(ehs: float, j_per_th: float, rise_k: float = DEFAULT_RISE_K) -> Sheet:
    """Return what a fleet of a hash rate in EH/s and an efficiency takes."""
    sheet = Sheet()
    rate_hs = sheet.put("fleet hash rate", ehs, "EH/s", GIVEN) * 1e18
    power_w = formulas.fleet_power_w(rate_hs, sheet.put("fleet efficiency", j_per_th, "J/TH", GIVEN))
    return _add_fleet(sheet, rate_hs, power_w, rise_k)


def _add_fleet(sheet: Sheet, rate_hs: float, power_w: float, rise_k: float) -> Sheet:
    sheet.put("warming of the air", rise_k, "K", "default" if rise_k == DEFAULT_RISE_K else GIVEN)
    sheet.add("hash rate", rate_hs / 1e18, "EH/s")
    sheet.add("power", power_w / 1e6, "MW")
    sheet.add("energy", formulas.energy_twh_per_year(power_w), "TWh/year")
    sheet.add("heat", power_w / 1e3, "kW")
    sheet.add("heat, imperial", formulas.heat_btu_per_h(power_w), "BTU/h")
    sheet.add("air flow", formulas.air_flow_m3_per_h(power_w, rise_k), "m3/h")
    sheet.add("air flow, imperial", formulas.air_flow_cfm(power_w, rise_k), "CFM")
    sheet.note("Air at 20 degrees Celsius and sea level; cooling, transformers and fans of the hall come on top.")
    return sheet
