"""Measure this machine: samples, energy, conditions, and the run that makes a record of them."""
