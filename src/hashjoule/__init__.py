"""hashjoule: what a terahash costs in joules, measured here and published everywhere."""
