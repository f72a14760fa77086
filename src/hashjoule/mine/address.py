"""Payout addresses: from an address of a chain to the output script that pays it."""

from __future__ import annotations

from hashjoule.errors import UnavailableError, UsageError

CHAINS = ("regtest", "signet", "testnet4", "main")
"""The chains, by the names that bitcoind gives them."""

_PAYABLE = {"p2pkh", "p2sh", "p2wpkh", "p2wsh", "p2tr"}
_BECH32_NETWORK = {"main": "mainnet", "signet": "testnet", "testnet4": "testnet", "regtest": "regtest"}
_BASE58_NETWORK = {"main": "mainnet", "signet": "testnet", "testnet4": "testnet", "regtest": "testnet"}


def script_of(address: str, chain: str) -> bytes:
    """Return the output script of an address: p2pkh, p2sh, p2wpkh, p2wsh or p2tr.

    The test networks share their address prefixes, except that regtest has a bech32 prefix of its own.

    Raises:
        UsageError: The address is malformed or belongs to another network.
        UnavailableError: btclib is not installed.
    """
    try:
        from btclib.b32 import is_segwit_prefixed
        from btclib.exceptions import BTClibException
        from btclib.script.script_pub_key import ScriptPubKey
    except ImportError as error:
        raise UnavailableError(f"{error.name} is missing; install it: pip install 'hashjoule[mine]'") from None
    try:
        decoded = ScriptPubKey.from_address(address)
        networks = _BECH32_NETWORK if is_segwit_prefixed(address) else _BASE58_NETWORK
    except (BTClibException, ValueError) as error:
        raise UsageError(f"{address!r} is not an address ({error}); give one of {chain}") from None
    if networks[chain] != decoded.network:
        raise UsageError(f"{address} is an address of {decoded.network}, not of {chain}; give one of {chain}")
    if decoded.type not in _PAYABLE:
        raise UsageError(f"{address} is of a type that nobody can spend from yet; give another one")
    return bytes(decoded.script)
