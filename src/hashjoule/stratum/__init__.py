"""Stratum V1, the protocol between miners and pools, without sockets: used by the pool client and by the pool server.

`messages` holds the lines of JSON, `jobs` what a pool wants searched, `difficulty` the arithmetic of share
difficulties, `shares` the check of a submitted share.

No standard describes Stratum V1. This package follows the Bitcoin wiki ("Stratum mining protocol") and, for version
rolling, BIP 310. Where both are silent it does what ckpool does, the most widely used free pool server.
"""
