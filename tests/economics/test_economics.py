"""Economics: the identities that money and energy obey, the published figures, and what bad input says."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashjoule.data.network import country_shares
from hashjoule.economics import formulas as eco
from hashjoule.errors import UsageError
from tests.conftest import CommandLine

RATES = st.floats(1e6, 1e20)
POWERS = st.floats(0.1, 1e9)
PRICES = st.floats(1e-3, 10)


@pytest.fixture
def run(hashjoule: CommandLine) -> CommandLine:
    """Runs `hashjoule economics ...`: exit code, stdout, stderr."""
    return partial(hashjoule, "economics")


@given(RATES, POWERS, st.floats(1e15, 1e22), st.floats(0.1, 50), st.floats(0, 10), st.floats(1, 1e6))
def test_no_profit_at_the_break_even_price(
    rate: float, power: float, network: float, subsidy: float, fees: float, btc: float
) -> None:
    """At the break-even price a machine earns exactly its electricity."""
    revenue = eco.revenue_usd_per_day(rate, network, subsidy, fees, btc)
    price = eco.break_even_usd_per_kwh(revenue, power)
    assert eco.profit_usd_per_day(revenue, power, price) == pytest.approx(0, abs=1e-9 * revenue)


@given(RATES)
def test_difficulty_and_hash_rate_are_inverse(rate: float) -> None:
    """The difficulty of a hash rate is the one at which it finds a block every ten minutes."""
    difficulty = rate * 600 / 2**32
    assert eco.network_hashrate_hs(difficulty) == pytest.approx(rate)
    assert eco.expected_block_seconds(rate, difficulty) == pytest.approx(600)


@given(st.floats(1e-3, 1e6), st.floats(-99, 1000))
def test_changes_are_undone(now: float, change: float) -> None:
    """The value before a change, changed, is the value now."""
    assert eco.before_change(now, change) * (1 + change / 100) == pytest.approx(now)


@given(st.floats(1e-3, 1e6), st.floats(0.01, 100))
def test_a_share_of_the_whole_is_the_part(part: float, share: float) -> None:
    """The whole times the share gives the part back."""
    assert eco.whole_from_share(part, share) * share / 100 == pytest.approx(part)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9))
def test_concentration_is_bounded(shares: list[float]) -> None:
    """The index lies between that of many tiny members and a monopoly; its bounds are ordered; shares add up."""
    named = {f"country {number}": share for number, share in enumerate(shares)}
    found = eco.concentration(named)
    assert found.listed_percent == pytest.approx(sum(shares))
    assert found.largest_percent == max(shares)
    assert 0 < found.hhi_low <= found.hhi_high <= 10_000
    assert found.nakamoto is None or sum(sorted(shares)[-found.nakamoto :]) > 50


def test_a_monopoly_is_as_concentrated_as_can_be() -> None:
    """One member with everything: an index of 10,000, and it takes one to rule."""
    found = eco.concentration({"one": 100.0})
    assert (found.hhi_low, found.hhi_high, found.nakamoto) == (10_000, 10_000, 1)


@given(POWERS, st.floats(1, 50))
def test_air_carries_all_the_heat(power: float, rise: float) -> None:
    """The heat in the air flow is the power; half the warming takes twice the air."""
    flow = eco.air_flow_m3_per_h(power, rise)
    assert flow / 3600 * eco.AIR_DENSITY_KG_PER_M3 * eco.AIR_HEAT_J_PER_KG_K * rise == pytest.approx(power)
    assert eco.air_flow_m3_per_h(power, rise / 2) == pytest.approx(2 * flow)


@given(st.floats(1, 1e6), st.floats(1, 1e6))
def test_probability_of_a_block(seconds: float, expected: float) -> None:
    """A probability, and 63 % within the expected time."""
    assert 0 < eco.block_probability(seconds, expected) <= 1
    assert eco.block_probability(expected, expected) == pytest.approx(0.632, abs=1e-3)


def test_heat_and_air_of_a_kilowatt() -> None:
    """1 kW is 3,412 BTU/h and, at 10 K, about 300 m3/h or 176 CFM."""
    assert eco.heat_btu_per_h(1000) == pytest.approx(3412.14, abs=0.01)
    assert eco.air_flow_m3_per_h(1000, 10) == pytest.approx(298.5, abs=0.1)
    assert eco.air_flow_cfm(1000, 10) == pytest.approx(175.7, abs=0.1)


def test_china_in_october_2025() -> None:
    """14 % = 145 EH/s implies 1,036 EH/s; +13.8 % implies 127 EH/s before; 18-32 J/TH make 2.6-4.6 GW."""
    assert eco.whole_from_share(145, 14) == pytest.approx(1036, abs=0.5)
    assert eco.before_change(145, 13.8) == pytest.approx(127, abs=0.5)
    assert eco.fleet_power_w(145e18, 18) / 1e9 == pytest.approx(2.6, abs=0.05)
    assert eco.fleet_power_w(145e18, 32) / 1e9 == pytest.approx(4.6, abs=0.05)


def test_american_shares_projected_and_measured() -> None:
    """The 60 % of the United States is a projection; what was measured since 2022 is 36-38 %."""
    rows = [row for row in country_shares() if row.country == "United States"]
    assert [row.share_percent for row in rows if row.kind == "projected"] == [60]
    measured = [row.share_percent for row in rows if row.kind == "measured" and row.date >= "2022"]
    assert measured
    assert all(35.8 <= share <= 38 for share in measured)


def test_a_machine_that_loses_money_never_pays_back() -> None:
    """No profit, no pay-back time."""
    assert eco.payback_days(1000, 10) == 100
    assert eco.payback_days(1000, 0) is None
    assert eco.payback_days(1000, -1) is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: eco.profit_usd_per_day(1, 100, float("nan")), "price_usd_per_kwh must be a number"),
        (lambda: eco.delivered_usd_per_kwh(float("inf"), 0), "generation_usd_per_kwh must be a number"),
        (lambda: eco.delivered_usd_per_kwh(-0.01, -0.1), "transmission_usd_per_kwh must not be below zero"),
        (lambda: eco.profit_usd_per_day(1, 0, 0.05), "power_w must be above zero"),
        (lambda: eco.fleet_power_w(float("nan"), 20), "hashrate_hs must be above zero"),
        (lambda: eco.revenue_usd_per_day(1, 1, 1, -1, 1), "fees_btc must not be below zero"),
        (lambda: eco.concentration({"one": 60, "two": 50}), "shares must add up"),
        (lambda: eco.concentration({}), "shares must add up"),
        (lambda: eco.before_change(1, -100), "leaves nothing"),
        (lambda: eco.heat_value_usd_per_kwh(0.1, 1.5), "at most all of the heat"),
    ],
)
def test_impossible_values_are_refused(call: Callable[[], object], said: str) -> None:
    """Negative, zero and impossible values get a sentence that names the quantity."""
    with pytest.raises(UsageError, match=said):
        call()


@given(POWERS, st.floats(-1, 1))
def test_curtailed_power_is_earned(power: float, price: float) -> None:
    """Free power costs nothing, and power at a negative price adds to the revenue what a positive one takes."""
    assert eco.profit_usd_per_day(1.0, power, 0.0) == 1.0
    both = eco.profit_usd_per_day(1.0, power, price) + eco.profit_usd_per_day(1.0, power, -price)
    assert both == pytest.approx(2.0, abs=1e-6 * power)


def test_machine_shows_every_input_with_its_source(run: CommandLine) -> None:
    """`economics machine --json`: the profit follows from the inputs shown, each with source and date."""
    code, out, _ = run("machine", "--hashrate-ths", "234", "--watts", "3510", "--json")
    document = json.loads(out)
    shown = {entry["name"]: entry for entry in document["inputs"]}
    assert code == 0
    assert all(entry["source"] for entry in document["inputs"])
    assert shown["network hash rate"]["source_date"]
    revenue = eco.revenue_usd_per_day(
        234e12,
        shown["network hash rate"]["value"] * 1e18,
        shown["subsidy"]["value"],
        shown["fees, implied by the hash price"]["value"],
        shown["bitcoin price"]["value"],
    )
    assert document["results"]["revenue"]["value"] == pytest.approx(revenue)
    assert document["results"]["efficiency"]["value"] == pytest.approx(15)


def test_defaults_can_be_overridden(run: CommandLine) -> None:
    """What is given on the command line replaces the data set and is shown as given."""
    code, out, _ = run(
        "machine", "--hashrate-ths", "100", "--watts", "3000", "--price", "0.1", "--difficulty", "1e14",
        "--subsidy-btc", "3.125", "--fees-btc", "0.1", "--btc-usd", "100000", "--cost-usd", "2000", "--json",
    )  # fmt: skip
    entries = json.loads(out)["inputs"]
    assert code == 0
    assert {entry["source"] for entry in entries} == {"given on the command line", "default"}
    untouched = {entry["name"] for entry in entries if entry["source"] == "default"}
    assert untouched == {"pool fee", "uptime", "growth of the difficulty a year"}


def test_fleet_of_an_exahash(run: CommandLine) -> None:
    """145 EH/s at 18 J/TH: 2,610 MW and 22.9 TWh a year; the assumed warming of the air is shown."""
    code, out, _ = run("fleet", "--ehs", "145", "--j-per-th", "18", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["results"]["power"]["value"] == pytest.approx(2610)
    assert document["results"]["energy"]["value"] == pytest.approx(22.88, abs=0.01)
    assert "warming of the air" in {entry["name"] for entry in document["inputs"]}


def test_countries_and_one_country(run: CommandLine) -> None:
    """The list adds up and says how concentrated it is; China shows what its figures imply."""
    code, out, _ = run("countries", "--json")
    document = json.loads(out)
    assert code == 0
    total = sum(row["share %"] for row in document["rows"])
    assert document["results"]["listed together"]["value"] == pytest.approx(total)
    code, out, _ = run("countries", "--country", "china", "--hashrate-ths", "1", "--json")
    results = json.loads(out)["results"]
    assert code == 0
    assert results["network implied by rate and share"]["value"] == pytest.approx(1036, abs=0.5)
    assert results["hash rate a quarter before"]["value"] == pytest.approx(127, abs=0.5)
    assert results["machines like the given machine for that share"]["value"] == 145_000_000


def test_a_projection_is_called_one(run: CommandLine) -> None:
    """The text on the United States says that 60 % was never measured."""
    code, out, _ = run("countries", "--country", "United States")
    assert code == 0
    assert "60% for 2025 is a projection; measured shares were 35.81 to 37.84%." in " ".join(out.split())


def test_local_mining(run: CommandLine) -> None:
    """Delivered price is generation and transmission; sold heat lowers it; stranded megawatts feed machines."""
    code, out, _ = run(
        "local", "--hashrate-ths", "200", "--watts", "3500", "--generation", "0.02", "--transmission", "0.01",
        "--heat-price", "0.04", "--heat-sold", "0.5", "--mw", "7", "--json",
    )  # fmt: skip
    results = {name: entry["value"] for name, entry in json.loads(out)["results"].items()}
    assert code == 0
    assert results["delivered price"] == pytest.approx(0.03)
    assert results["heat sold back"] == pytest.approx(0.02)
    assert results["margin"] == pytest.approx(results["mining earns"] - 0.03 + 0.02)
    assert results["machines on it"] == 2000


def test_block_in_text(run: CommandLine) -> None:
    """A machine with the whole network's rate finds a block in ten minutes."""
    difficulty = 1e14
    rate = eco.network_hashrate_hs(difficulty) / 1e12
    code, out, _ = run("block", "--hashrate-ths", f"{rate}", "--difficulty", f"{difficulty}")
    assert code == 0
    assert out.splitlines()[1].split() == ["expected", "time", "to", "a", "block", "days", "0.00694"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("machine", "--hashrate-ths", "1"), "the power of the given machine is not known"),
        (("machine", "--hashrate-ths", "1", "--watts", "0"), "--watts"),
        (("machine", "--hashrate-ths", "-1", "--watts", "1"), "--hashrate-ths"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--price", "nan"), "--price"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--price", "cheap"), "--price"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--growth", "nan"), "--growth"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--pool-fee", "1"), "--pool-fee"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--uptime", "0"), "--uptime"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--price", "0", "--region", "Texas"), "not both"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--region", "Atlantis"), "is not a region"),
        (("machine", "--machine", "Abacus 9000"), "no published machine is called 'Abacus 9000'"),
        (("machine",), "name one machine"),
        (("fleet", "--hashrate-ths", "1", "--watts", "1"), "--count N or --ehs"),
        (("fleet", "--count", "3", "--j-per-th", "20"), "--j-per-th goes with --ehs"),
        (("countries", "--country", "Atlantis"), "no shares of 'Atlantis'"),
        (("countries", "--date", "1999"), "no list of countries for 1999"),
        (("local", "--hashrate-ths", "1", "--watts", "1"), "--generation"),
        (("local", "--hashrate-ths", "1", "--watts", "1", "--generation", "inf"), "--generation"),
        (
            ("local", "--hashrate-ths", "1", "--watts", "1", "--generation", "0", "--transmission", "-1"),
            "--transmission",
        ),
        (("local", "--hashrate-ths", "1", "--watts", "1", "--generation", "0", "--heat-price", "nan"), "--heat-price"),
        (("machine", "--record", "nowhere.json"), "nowhere.json cannot be read"),
        (("machine", "--hashrate-ths", "1", "--watts", "1", "--difficulty", "1", "--network-ehs", "1"), "not both"),
    ],
)
def test_bad_input_is_one_sentence(run: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, one line on stderr that names the option or the value, nothing on stdout."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err
