"""Addresses become scripts: published vectors, other networks, and nonsense."""

import pytest

from hashjoule.errors import UsageError
from hashjoule.mine.address import script_of

HASH20, HASH32 = (
    "751e76e8199196d454941c45d1b3a323f1433bd6",
    "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
)
TAPROOT = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
GOOD = [  # BIP 173's and BIP 350's test vectors, and the hash of the same key in base58
    ("main", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", f"0014{HASH20}"),
    ("signet", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", f"0014{HASH20}"),
    ("testnet4", "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", f"0020{HASH32}"),
    ("main", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", f"5120{TAPROOT}"),
    ("main", "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH", f"76a914{HASH20}88ac"),
    ("regtest", "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r", f"76a914{HASH20}88ac"),
    ("testnet4", "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r", f"76a914{HASH20}88ac"),
    ("main", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87"),
    ("regtest", "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "a9144e9f39ca4688ff102128ea4ccda34105324305b087"),
]


@pytest.mark.parametrize(("chain", "address", "script"), GOOD, ids=[f"{c}-{s[:4]}" for c, _, s in GOOD])
def test_published_addresses_have_their_scripts(chain: str, address: str, script: str) -> None:
    """All five address types give the published scripts."""
    assert script_of(address, chain).hex() == script


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("regtest", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("regtest", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        ("main", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        ("signet", "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH"),
        ("main", "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"),
    ],
)
def test_an_address_of_another_network_is_refused(chain: str, address: str) -> None:
    """The sentence names the network that is wanted."""
    with pytest.raises(UsageError, match=f"not of {chain}; give one of {chain}"):
        script_of(address, chain)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "bcrt1",
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMh",  # checksum
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",  # checksum
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # bech32 where BIP 350 wants bech32m
        "BC1SW50QGDZ25J",  # a witness version without a meaning
        "bc1q" + "q" * 200,
        "\u0661\u0662",
    ],
)
def test_nonsense_is_refused(address: str) -> None:
    """Anything else is a usage error."""
    with pytest.raises(UsageError):
        script_of(address, "main")
