"""Claims that articles make in numbers, each with the check that it can be put to."""

from __future__ import annotations

from functools import cache

import msgspec

from hashjoule.data.reading import Date, Text, shipped_table
from hashjoule.errors import UsageError


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One statement of an article, in our own words. `arguments` is a list as in `share=14; month=2025-10`."""

    id: Text
    article: Text
    date: Date
    statement: Text
    value: float | None = None
    unit: str = ""
    check: Text
    arguments: str = ""
    note: str = ""

    def argument(self, name: str) -> str:
        """Return one of the arguments of the check.

        Raises:
            UsageError: If the line lacks it.
        """
        pairs = dict(part.strip().partition("=")[::2] for part in self.arguments.split(";") if part.strip())
        if name not in pairs:
            raise UsageError(f"claims.csv, claim {self.id}: the check {self.check} needs {name}=... in arguments")
        return pairs[name]

    def number(self, name: str) -> float:
        """Return one of the arguments as a number.

        Raises:
            UsageError: If the line lacks it, or it is not a number.
        """
        words = self.argument(name)
        try:
            return float(words)
        except ValueError:
            raise UsageError(f"claims.csv, claim {self.id}: {name} is not a number") from None


@cache
def claims() -> tuple[Claim, ...]:
    """Return the checkable claims."""
    return shipped_table("claims.csv", Claim)
