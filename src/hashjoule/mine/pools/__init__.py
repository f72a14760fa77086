"""Mining at pools over Stratum V1.

`client` is one conversation with a pool, without a socket; `work` cuts its jobs into pieces to search; `connections`
runs the conversations over sockets and fails over from pool to pool; `share_miner` searches.
"""
