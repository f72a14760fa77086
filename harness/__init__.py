"""Real programs that tests and experiments run against: bitcoind, a pool."""
