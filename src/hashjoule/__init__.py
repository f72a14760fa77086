"""hashjoule: how many joules a terahash costs, on this machine and on every published one.

The public names are imported when they are used, so that a search loads no table and a table no search.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashjoule.backends import BackendSpec as BackendSpec
    from hashjoule.backends import resolve as resolve
    from hashjoule.benchmark.plan import Plan as Plan
    from hashjoule.benchmark.run import bench as bench
    from hashjoule.efficiency.table import load_table as load_table
    from hashjoule.errors import HashjouleError as HashjouleError
    from hashjoule.job import Header as Header
    from hashjoule.job import Hit as Hit
    from hashjoule.job import Job as Job
    from hashjoule.records.files import load_record as load_record
    from hashjoule.records.schema import Record as Record
    from hashjoule.solver import solve as solve

__version__ = "0.1.0"

_MODULES = {
    "BackendSpec": "hashjoule.backends",
    "HashjouleError": "hashjoule.errors",
    "Header": "hashjoule.job",
    "Hit": "hashjoule.job",
    "Job": "hashjoule.job",
    "Plan": "hashjoule.benchmark.plan",
    "Record": "hashjoule.records.schema",
    "bench": "hashjoule.benchmark.run",
    "load_record": "hashjoule.records.files",
    "load_table": "hashjoule.efficiency.table",
    "resolve": "hashjoule.backends",
    "solve": "hashjoule.solver",
}
"""Where each public name is defined."""

__all__ = [*_MODULES]


if not TYPE_CHECKING:  # or every misspelt name would be typed as an object

    def __getattr__(name: str) -> object:
        """Import a public name."""
        if name not in _MODULES:
            raise AttributeError(f"module 'hashjoule' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return [*__all__, "__version__"]
