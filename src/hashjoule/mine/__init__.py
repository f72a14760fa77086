"""Mining on a bitcoind, or on an embedded regtest chain: template in, valid blocks out.

`template` and `address` are pure functions; `rpc`, `node` and `embedded` talk to a chain; `loop` mines on either.
"""
