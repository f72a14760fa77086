"""From accounts to results, and from results to sentences."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from harness.gauge import SimulatedMiner
from hashjoule.gauge.channel import GaugedMiner
from hashjoule.gauge.results import refusal_of, result_of, sum_of
from hashjoule.gauge.tally import Estimate
from hashjoule.records.files import load_record
from hashjoule.records.gauge import DeviceClaim, DeviceReport, Gauge
from hashjoule.records.schema import Energy, Rate, Result
from hashjoule.report.gauge import claim_sentence, constancy_sentences, gauge_markdown, gauge_text, rates
from tests.support import GOLDEN_RECORD_WITH_GAUGE

METERED = Energy(22.9 * 600, 600.0, "a plug", "wall", "counter")
CLAIM = DeviceClaim(60, 1.21e12, 17.4, DeviceReport(source="AxeOS at x:80"))


def measured(hashrate_hs: float = 1.2e12, seconds: float = 600.0, seed: int = 1) -> tuple[GaugedMiner, Estimate]:
    """A simulated miner after a count."""
    simulated = SimulatedMiner(hashrate_hs=hashrate_hs, rng=random.Random(seed), fixed=hashrate_hs / 2**32)
    estimate = simulated.run(seconds)
    simulated.miner.agent, simulated.miner.worker, simulated.miner.host = "axe/1", "me.1", "10.0.0.1"
    return simulated.miner, estimate


def result(energy: Energy | None = None, claim: DeviceClaim | None = None) -> Result:
    """Its result."""
    return result_of(*measured(), name=None, kind=None, energy=energy, claim=claim)


def gauge_of(found: Result) -> Gauge:
    """The gauge part of a result."""
    assert isinstance(found.gauge, Gauge)
    return found.gauge


def test_a_result_holds_the_estimate() -> None:
    """Rate, interval, parts, shares, difficulty, ramp-up."""
    miner, estimate = measured()
    found = result_of(miner, estimate, name=None, kind=None, energy=None, claim=None)
    gauge = gauge_of(found)
    assert (found.backend, found.mode, found.device, found.runtime) == ("stratum", "plain", "axe/1, me.1", "axe/1")
    assert found.hardware
    assert found.hardware.kind == "asic"
    assert found.hashrate_hs.median == estimate.hashrate_hs
    assert (found.hashrate_hs.ci95_low, found.hashrate_hs.ci95_high) == estimate.interval_hs
    assert found.hashes == round(estimate.shares.total)
    assert found.verified_hits == gauge.shares.counted == estimate.shares.shares
    assert len(found.samples_hs) == 10
    assert gauge.difficulty == miner.channels[0].control.difficulty
    assert gauge.ramp_up
    assert gauge.ramp_up.hashrate_hs == pytest.approx(1.2e12, rel=0.7)
    assert found.energy is None
    assert found.j_per_th is None


def test_a_meter_outweighs_what_the_device_reports() -> None:
    """And without one its own power is used, and called reported."""
    assert result(METERED, CLAIM).energy == METERED
    own = result(None, CLAIM).energy
    assert own
    assert (own.method, own.scope, own.source) == ("reported", "device", "AxeOS at x:80")
    assert own.joules / own.seconds == pytest.approx(17.4)


def test_the_class_of_a_miner_that_nobody_knows() -> None:
    """By its rate; what the user says counts first."""
    slow = result_of(*measured(3e7), name="x", kind=None, energy=None, claim=None)
    assert slow.hardware
    assert (slow.hardware.kind, slow.device) == ("cpu", "x")
    stated = result_of(*measured(3e7), name="x", kind="fpga", energy=None, claim=None)
    assert stated.hardware
    assert stated.hardware.kind == "fpga"


def test_a_sum_of_miners() -> None:
    """The rates add up; its interval is narrower than the sum of theirs; the meter belongs to it alone."""
    pairs = [measured(seed=seed) for seed in range(4)]
    results = [result_of(*pair, name=None, kind=None, energy=None, claim=None) for pair in pairs]
    total = sum_of(results, [estimate for _, estimate in pairs], METERED)
    assert total.hashrate_hs.median == pytest.approx(sum(found.hashrate_hs.median for found in results))
    each = sum(found.hashrate_hs.ci95_high - found.hashrate_hs.ci95_low for found in results)
    assert total.hashrate_hs.ci95_high - total.hashrate_hs.ci95_low == pytest.approx(each / 2, rel=0.1)
    assert gauge_of(total).miners == 4
    assert total.verified_hits == sum(found.verified_hits for found in results)
    assert total.j_per_th
    assert total.j_per_th.value == pytest.approx(22.9 / total.hashrate_hs.median * 1e12)


def test_why_a_miner_has_no_rate() -> None:
    """No share, no end of the ramp-up, or nothing but wrong shares."""
    miner, _ = measured()
    miner.account.last_share_s = None
    assert "delivered no share" in refusal_of(miner, None).reason
    miner.account.last_share_s = 5.0
    miner.account.rejected["above target"] = 12
    assert "ramp-up was not over" in refusal_of(miner, None).reason
    assert "12 above target" in refusal_of(miner, None).reason


def test_the_device_s_claim_beside_the_measurement() -> None:
    """Rate and power, and how far off they are."""
    found = replace(result(METERED, CLAIM), hashrate_hs=Rate(1.13e12, 0.0, 1.09e12, 1.17e12))
    sentence = claim_sentence(found, CLAIM)
    assert sentence.startswith("the device reports 1.21 TH/s and 17.4 W; measured 1.13 TH/s (1.09 to 1.17 TH/s)")
    assert "and 22.9 W at the wall: rate -6.6%, power +31.6% against the device's own figures." in sentence
    without = claim_sentence(result(None, CLAIM), CLAIM)
    assert "17.4 W; measured" in without
    assert "power +" not in without
    assert claim_sentence(found, replace(CLAIM, hashrate_hs=None, power_w=None)) == ""


def test_a_steady_miner_is_left_in_peace() -> None:
    """No sentence about a rate that did not change."""
    found = result()
    assert list(constancy_sentences(found, gauge_of(found))) == []


def test_a_rate_that_changed_and_a_pause_are_told() -> None:
    """In sentences with the figures."""
    found = replace(result(), samples_hs=(1.2e12, 1.1e12, 0.8e12))
    gauge = gauge_of(found)
    uneven = replace(
        gauge, constancy=replace(gauge.constancy, p_value=1e-7, longest_silence_s=90.0, silence_p_value=1e-9)
    )
    changed, paused = constancy_sentences(found, uneven)
    assert "1.20 TH/s in the first tenth of the count and 800 GH/s in the last" in changed
    assert "no share came for 90.0 s (15% of the count)" in paused


def test_rates_share_their_unit() -> None:
    """Where they have the same."""
    assert rates(1.12e12, 1.2e12) == "1.12 to 1.20 TH/s"
    assert rates(9.9e11, 1.2e12) == "990 GH/s to 1.20 TH/s"


def test_a_record_as_text_and_markdown() -> None:
    """With the claim, the shares that did not count, and the ramp-up."""
    record = load_record(GOLDEN_RECORD_WITH_GAUGE)
    text = " ".join(gauge_text(record).split())
    for words in (
        "Bitaxe Gamma 1.16 TH/s 1.12 to 1.20 3,724 22.9 W 19.7",
        "tester 1.16 TH/s 1.12 to 1.20 3,724 ~17.4 W ~15.0",
        "~ the power is what the device itself reports",
        "the device reports 1.21 TH/s",
        "3 above target",
        "counted as asic for",
        "after a ramp-up of 41.2 s",
    ):
        assert words in text, words
    assert "| Bitaxe Gamma | asic | 1.16 TH/s | 1.12 to 1.20 TH/s |" in gauge_markdown(record)
    assert "interrupted" in gauge_text(replace(record, complete=False))


def test_text_fits_a_terminal() -> None:
    """80 columns, also with the names that real miners give themselves and what a CPU needs for a terahash."""
    record = load_record(GOLDEN_RECORD_WITH_GAUGE)
    assert record.results[0].j_per_th
    slow = replace(record.results[0].j_per_th, value=6.58e8, low=6e8, high=7e8)
    long = replace(record.results[0], device="bitaxe/BM1370/v2.12.0, bc1qexample.worker", j_per_th=slow)
    text = gauge_text(replace(record, results=(long, *record.results)))
    assert max(map(len, text.splitlines())) <= 80
    assert "\nbitaxe/BM1370/v2.12.0," in text
    assert "\nbc1qexample.worker\n" in text
