"""What a check finds, and how a verdict is reached."""

from __future__ import annotations

from dataclasses import dataclass

from hashjoule.data.claims import Claim

CONSISTENT_WITHIN = 0.03
"""A claim within this of the data is consistent: hash rates and shares are known no better."""
CONTRADICTED_BEYOND = 0.25
"""A claim further off than this is contradicted, not just inexact."""


@dataclass(frozen=True)
class Finding:
    """The outcome of a check. `difference` is stated over found, less one; None where nothing can be compared."""

    claim: Claim
    implies: str
    found: str
    verdict: str
    command: str
    difference: float | None = None


def compared(claim: Claim, stated: float, found: float, implies: str, data: str, command: str) -> Finding:
    """Return a finding whose verdict is how far a stated number lies from the one found."""
    difference = stated / found - 1 if found else (0.0 if stated == found else float("inf"))
    return Finding(claim, implies, data, numeric_verdict(difference), command, difference)


def numeric_verdict(difference: float) -> str:
    """Return the verdict on a relative difference."""
    if abs(difference) <= CONSISTENT_WITHIN:
        return "consistent"
    if abs(difference) <= CONTRADICTED_BEYOND:
        return f"off by {abs(difference):.0%}"
    return "contradicted"


def judged(claim: Claim, true: bool, implies: str, data: str, command: str) -> Finding:
    """Return a finding on a statement that holds or does not."""
    return Finding(claim, implies, data, "consistent" if true else "contradicted", command)


def unchecked(claim: Claim, reason: str, implies: str, data: str, command: str) -> Finding:
    """Return a finding on what cannot be checked, with the reason and what can be said all the same."""
    return Finding(claim, implies, data, f"cannot be checked: {reason}", command)
