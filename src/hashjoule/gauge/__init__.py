"""Measure somebody else's miner by the shares that it delivers."""
