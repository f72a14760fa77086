"""The counts of all circuits as a file, from which the page and the package's data are made."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.gates.counts import LIKELIEST, Count
from bench.gates.sampling import STUDIED
from hashjoule.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
COUNTS = ROOT / "results" / "gates.json"


class Results(msgspec.Struct, frozen=True):
    """Everything that was counted, when and by which Yosys, and the small count that `--check` repeats."""

    date: str
    yosys: str
    small: Count
    counts: tuple[Count, ...]

    def of(self, variant: str, delays: str = LIKELIEST, *, inertial: bool = True) -> Count:
        """Return the count of a variant."""
        return next(
            count
            for count in self.counts
            if (count.variant, count.delays, count.inertial) == (variant, delays, inertial)
        )

    def models(self, variant: str) -> list[Count]:
        """Return the counts of a studied variant with inertial delays, the likeliest first."""
        return [count for count in self.counts if count.variant == variant and count.inertial]

    def spread(self) -> tuple[float, float]:
        """Return the lowest and the highest events of a hash over the likely, of all that is not known for certain.

        That is how gates are timed, what a register costs, and which adders a chip has.
        """
        likely = self.of(STUDIED[0]).events()
        every = [count for variant in STUDIED for count in self.models(variant)]
        return (
            min(count.events(0) for count in every) / likely,
            max(count.events(2) for count in every) / likely,
        )


def read(path: Path = COUNTS) -> Results:
    """Return the counts of a file.

    Raises:
        UsageError: If it is missing or not what `write` wrote.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): make it with python -m bench.gates") from error


def write(results: Results, path: Path = COUNTS) -> None:
    """Write the counts to a file, one value a line so that changes can be read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
