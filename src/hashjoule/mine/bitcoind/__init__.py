"""A bitcoind as a chain to mine on: its JSON-RPC, its configuration file, and its answers to what the miner asks."""
