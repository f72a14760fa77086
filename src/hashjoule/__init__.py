"""hashjoule: what a terahash costs in joules, measured here and published everywhere."""

from importlib.metadata import version

__version__ = version("hashjoule")
