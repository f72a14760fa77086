"""The published data set, the calibration, the explanation of the gap, and economics."""
