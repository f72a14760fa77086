"""Put claims to their checks. A check is a function; adding a claim is one line of `data/claims.csv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hashjoule.data.claims import Claim, claims
from hashjoule.economics.claims import machine_checks, network_checks
from hashjoule.economics.claims.findings import Finding
from hashjoule.errors import UsageError

CHECKS: dict[str, Callable[[Claim], Finding]] = {
    check.__name__: check
    for check in (
        network_checks.share_of_rate,
        network_checks.rate_of_share,
        network_checks.growth,
        network_checks.share_at,
        network_checks.share_above,
        network_checks.rank,
        network_checks.at_least_mean,
        network_checks.only_reported,
        network_checks.metric,
        network_checks.fall,
        network_checks.concentration,
        network_checks.centres,
        network_checks.rate_power,
        network_checks.efficiency_and_power,
        machine_checks.machines,
        machine_checks.stranded,
        machine_checks.price_per_coin,
        machine_checks.tariff_gap,
        machine_checks.tariff,
        machine_checks.one_function,
        machine_checks.site,
        machine_checks.makers,
        machine_checks.unknown,
    )
}
"""Every check by the name that a claim's line gives."""


def check_claim(claim: Claim) -> Finding:
    """Return what the data say to a claim.

    Raises:
        UsageError: If its line names no check, or lacks an argument.
    """
    if claim.check not in CHECKS:
        raise UsageError(f"claims.csv, claim {claim.id}: {claim.check!r} is not a check; there are {', '.join(CHECKS)}")
    return CHECKS[claim.check](claim)


def check_claims(wanted: Sequence[str] = ()) -> list[Finding]:
    """Return the findings on every claim, or on those whose id, article or statement holds one of the words.

    Raises:
        UsageError: If nothing fits.
    """
    words = [word.casefold() for word in wanted]
    chosen = [
        claim
        for claim in claims()
        if not words or any(word in f"{claim.id} {claim.article} {claim.statement}".casefold() for word in words)
    ]
    if not chosen:
        raise UsageError(f"no claim fits {' '.join(wanted)!r}; `hashjoule claims` lists them all")
    return [check_claim(claim) for claim in chosen]


def document(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Return findings as plain values, for JSON."""
    return [
        {
            "id": finding.claim.id,
            "article": finding.claim.article,
            "date": finding.claim.date,
            "statement": finding.claim.statement,
            "value": finding.claim.value,
            "unit": finding.claim.unit,
            "implies": finding.implies,
            "found": finding.found,
            "difference": finding.difference,
            "verdict": finding.verdict,
            "command": finding.command,
        }
        for finding in findings
    ]
