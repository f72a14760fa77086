"""The parts of results/calibration.md: what it computes, its tables and its pictures."""
