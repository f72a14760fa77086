"""From a block template (BIP 22, 23 and 145) to headers to search and to whole blocks, as pure functions.

They work on hashes and serialized transactions as the node sends them, so that a full template is ready for its
first hash within milliseconds. The template's hex strings are reversed: bytes are in the order of a header.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from msgspec import Meta, Struct

from hashjoule import block
from hashjoule.errors import UnavailableError
from hashjoule.job import BIP320_MASK, Header, nbits_to_target, sha256d

KNOWN_RULES = {"csv", "segwit", "taproot", "testdummy", "signet"}
"""Rules (BIP 9 deployments) that the blocks of this module obey; testdummy asks for nothing."""

MAX_BLOCK_BYTES = 4_000_000
"""Largest serialized block: its weight, at least one unit a byte, is at most four million (BIP 141)."""

HashHex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Uint32 = Annotated[int, Meta(ge=0, lt=1 << 32)]


class MalformedTemplateError(UnavailableError):
    """A template that no node would send: something on the way has damaged it."""


class TemplateTransaction(Struct, frozen=True):
    """A transaction of a template. `hash` covers the witness, `txid` does not."""

    data: str
    txid: HashHex
    hash: HashHex


class Template(Struct, frozen=True, dict=True):
    """The answer to getblocktemplate, as far as a miner needs it; amounts in satoshi, times in Unix seconds."""

    version: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 32)]
    """Nodes write it signed or unsigned; what counts are its 32 bits."""
    previousblockhash: HashHex
    transactions: list[TemplateTransaction]
    coinbasevalue: Annotated[int, Meta(ge=0, le=21_000_000 * 100_000_000)]
    height: Annotated[int, Meta(ge=1, lt=1 << 31)]
    bits: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
    curtime: Uint32
    mintime: Uint32
    rules: list[str]
    vbrequired: Uint32 = 0
    coinbaseaux: dict[str, str] = {}
    target: HashHex | None = None
    """A proxy or a pool may ask for harder blocks than the network does (BIP 22)."""
    signet_challenge: Annotated[str, Meta(pattern="^([0-9a-f]{2})+$")] | None = None

    @property
    def prev_hash(self) -> bytes:
        """The hash of the block to build on, in the order of a header."""
        return bytes.fromhex(self.previousblockhash)[::-1]

    @property
    def nbits(self) -> int:
        """The network's target in compact form."""
        return int(self.bits, 16)

    @cached_property
    def search_target(self) -> int:
        """The highest hash, as a number, that a block may have: the harder one of the network's and the template's."""
        network = nbits_to_target(self.nbits)
        return network if self.target is None else min(network, int(self.target, 16))

    @cached_property
    def transaction_bytes(self) -> bytes:
        """All transactions, serialized."""
        return bytes.fromhex("".join(tx.data for tx in self.transactions))

    @property
    def coinbase_flags(self) -> bytes:
        """What the node wants in the coinbase script (BIP 22)."""
        return bytes.fromhex("".join(self.coinbaseaux.values()))

    @property
    def rollable(self) -> int:
        """The version bits that may be rolled: those of BIP 320, less those that the node requires to be set."""
        return BIP320_MASK & ~self.vbrequired

    @property
    def has_segwit(self) -> bool:
        """Whether segwit is active in this block.

        The rules say so. A default commitment does not: bitcoind sends one before the activation too, when a block
        with a witness is still invalid.
        """
        return "segwit" in self.rules or "!segwit" in self.rules


def check_template(template: Template) -> Template:
    """Return the template itself if a valid block can be built on it.

    Raises:
        MalformedTemplateError: It holds more than a block can, or its hex or its target is bad.
        UnavailableError: It has a mandatory rule (BIP 9: `!` before its name) that this version does not know, or
            belongs to a signet whose blocks need a signature (BIP 325).
    """
    unknown = [rule[1:] for rule in template.rules if rule.startswith("!") and rule[1:] not in KNOWN_RULES]
    if unknown:
        raise UnavailableError(
            f"the node's blocks must obey rules that hashjoule does not know ({', '.join(unknown)}); "
            "update hashjoule or use a node without them"
        )
    if template.signet_challenge is not None and not _needs_no_signature(template.signet_challenge):
        raise UnavailableError(
            "this signet's blocks need a signature; mine an OP_TRUE signet (-signetchallenge=51), or sign with "
            "Bitcoin Core's signet miner and `--grind-cmd 'hashjoule grind'`"
        )
    if sum(len(tx.data) for tx in template.transactions) > 2 * MAX_BLOCK_BYTES:
        raise MalformedTemplateError("the node's template is larger than any block may be; check the node")
    try:
        if template.search_target == 0:
            raise ValueError("a target of 0")
        _ = template.transaction_bytes
        block.coinbase_script(template.height, 0, template.coinbase_flags)
    except ValueError as error:
        raise MalformedTemplateError(f"the node's template is malformed ({error}); check the node") from None
    return template


def _needs_no_signature(challenge: str) -> bool:
    """Whether a signet's challenge holds by itself: OP_TRUE, which is OP_1, or one of OP_2 to OP_16."""
    return len(challenge) == 2 and 0x51 <= int(challenge, 16) <= 0x60


@dataclass(frozen=True)
class CandidateBlock:
    """A template with the script that its reward goes to.

    Hash work that does not depend on the extranonce is done once.
    """

    template: Template
    payout: bytes

    @cached_property
    def _branch(self) -> list[bytes]:
        return block.merkle_branch(bytes.fromhex(tx.txid)[::-1] for tx in self.template.transactions)

    @cached_property
    def _outputs(self) -> list[bytes]:
        outputs = [block.output(self.template.coinbasevalue, self.payout)]
        if self.template.has_segwit:
            wtxids = (bytes.fromhex(tx.hash)[::-1] for tx in self.template.transactions)
            outputs.append(block.output(0, block.COMMITMENT_HEADER + block.witness_commitment(wtxids)))
        return outputs

    def coinbase(self, extranonce: int, *, witness: bool) -> bytes:
        """Serialize the coinbase transaction."""
        script_sig = block.coinbase_script(self.template.height, extranonce, self.template.coinbase_flags)
        return block.coinbase(script_sig, self._outputs, witness=witness)

    def header(self, extranonce: int) -> Header:
        """Return the header to search, with nonce 0.

        Its time is the node's and is never rolled: on a chain with a rule for slow blocks (testnet4) another time
        could mean another target.
        """
        t = self.template
        root = block.merkle_root(sha256d(self.coinbase(extranonce, witness=False)), self._branch)
        return Header(t.version & 0xFFFFFFFF, t.prev_hash, root, max(t.curtime, t.mintime), t.nbits)

    def serialize(self, header: Header, extranonce: int) -> bytes:
        """Serialize the whole block with a header of this extranonce."""
        count = block.varint(1 + len(self.template.transactions))
        first = self.coinbase(extranonce, witness=self.template.has_segwit)
        return header.pack() + count + first + self.template.transaction_bytes
