"""Block assembly: pure functions from a block template (BIP 22, 23, 145) to headers and blocks.

The functions work on hashes and serialized transactions as the node sends them, so that a full template is ready
for its first hash in milliseconds. Hashes are in the order of the wire; the template's hex strings are reversed.
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
"""Rules of BIP 9 deployments that this module's blocks obey (testdummy asks for nothing)."""

MAX_BLOCK_BYTES = 4_000_000
"""A serialized block's size limit (BIP 141: its weight, at least one unit a byte, is at most four million)."""

HashHex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Uint32 = Annotated[int, Meta(ge=0, lt=1 << 32)]


class TemplateTransaction(Struct, frozen=True):
    """A transaction of a template. `hash` covers the witness, `txid` does not."""

    data: str
    txid: HashHex
    hash: HashHex


class Template(Struct, frozen=True, dict=True):
    """What getblocktemplate answers, as far as a miner needs it; amounts in satoshi, times in Unix seconds."""

    version: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 32)]
    """Nodes write it as a signed number or not; what counts are the 32 bits."""
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
    default_witness_commitment: str | None = None
    signet_challenge: Annotated[str, Meta(pattern="^([0-9a-f]{2})+$")] | None = None

    @property
    def prev_hash(self) -> bytes:
        """The hash of the block to build on, in the order of the wire."""
        return bytes.fromhex(self.previousblockhash)[::-1]

    @property
    def nbits(self) -> int:
        """The target in compact form."""
        return int(self.bits, 16)

    @cached_property
    def transaction_bytes(self) -> bytes:
        """All transactions, serialized."""
        return bytes.fromhex("".join(tx.data for tx in self.transactions))

    @property
    def coinbase_flags(self) -> bytes:
        """What the node wants in the coinbase script."""
        return bytes.fromhex("".join(self.coinbaseaux.values()))

    @property
    def rollable(self) -> int:
        """The version bits that may be rolled here: BIP 320's, less those that the node requires to be set."""
        return BIP320_MASK & ~self.vbrequired


def check(template: Template) -> Template:
    """The template itself if this module can build a valid block on it.

    Raises UnavailableError for a mandatory rule that we do not know (BIP 9: `!` before its name), for a signet
    whose blocks need a signature (BIP 325), and for more data than a block can hold.
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
        raise UnavailableError("the node's template is larger than any block may be; check the node")
    try:
        _ = nbits_to_target(template.nbits), template.transaction_bytes
        block.coinbase_script(template.height, 0, template.coinbase_flags)
    except ValueError as error:
        raise UnavailableError(f"the node's template is malformed ({error}); check the node") from None
    return template


def _needs_no_signature(challenge: str) -> bool:
    """Whether a signet's challenge holds by itself: OP_TRUE, that is OP_1, or any of its kin up to OP_16."""
    return len(challenge) == 2 and 0x51 <= int(challenge, 16) <= 0x60


@dataclass(frozen=True)
class Candidate:
    """A block to be: a template and the script that is paid. Hash work that no extranonce changes is done once."""

    template: Template
    payout: bytes

    @cached_property
    def _branch(self) -> list[bytes]:
        return block.merkle_branch(bytes.fromhex(tx.txid)[::-1] for tx in self.template.transactions)

    @cached_property
    def _outputs(self) -> list[bytes]:
        outputs = [block.output(self.template.coinbasevalue, self.payout)]
        if self.has_witness:
            wtxids = (bytes.fromhex(tx.hash)[::-1] for tx in self.template.transactions)
            outputs.append(block.output(0, block.COMMITMENT_HEADER + block.witness_commitment(wtxids)))
        return outputs

    @property
    def has_witness(self) -> bool:
        """Whether segwit is active in this block, as the node's own commitment tells."""
        return self.template.default_witness_commitment is not None

    def coinbase(self, extranonce: int, *, witness: bool) -> bytes:
        """The coinbase transaction, serialized."""
        script_sig = block.coinbase_script(self.template.height, extranonce, self.template.coinbase_flags)
        return block.coinbase(script_sig, self._outputs, witness=witness)

    def header(self, extranonce: int) -> Header:
        """The header to search, with nonce 0.

        The time is the node's and is never rolled: where a chain has a rule for slow blocks (testnet4), another
        time would need another target.
        """
        t = self.template
        root = block.merkle_root(sha256d(self.coinbase(extranonce, witness=False)), self._branch)
        return Header(t.version & 0xFFFFFFFF, t.prev_hash, root, max(t.curtime, t.mintime), t.nbits)

    def block(self, header: Header, extranonce: int) -> bytes:
        """The whole block, serialized."""
        count = block.varint(1 + len(self.template.transactions))
        first = self.coinbase(extranonce, witness=self.has_witness)
        return header.pack() + count + first + self.template.transaction_bytes
