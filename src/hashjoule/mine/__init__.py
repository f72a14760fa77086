"""Mining on a bitcoind, on an embedded regtest chain, or at pools.

`loop` mines blocks. `template` and `address` are pure functions; `chain` says what a chain has to offer, and
`bitcoind` and `embedded` offer it. `contact` outlasts a node's failures, `pending` keeps the blocks found meanwhile.
`pools` mines shares.
"""
