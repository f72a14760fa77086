"""hashjoule: what a terahash costs in joules, measured here and published everywhere."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`hashjoule.load_table`, imported when it is asked for: a search needs no data set."""
    if name == "load_table":
        from hashjoule.efficiency.table import load_table

        return load_table
    raise AttributeError(f"module 'hashjoule' has no attribute {name!r}")
