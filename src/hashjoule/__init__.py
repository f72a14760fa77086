"""hashjoule: what a terahash costs in joules, measured here and published everywhere."""

__version__ = "0.1.0"
