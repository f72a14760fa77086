"""Count the 32-bit operations of one double SHA-256 of a block header, from the algorithm itself.

The hash is built as an expression graph (FIPS 180-4). What stays the same from nonce to nonce is a constant: constants
fold, equal expressions are counted once, and only what decides about a hit is counted. Every processor has to do this
work; they differ in the operations that they offer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

_COMPRESSION_ROUNDS = 64
_DECIDING_ROUNDS = 61  # the e of round 60 becomes the top word of the hash; later rounds cannot change it


@dataclass(frozen=True)
class InstructionSet:
    """Which operations a processor has: the price list of the count."""

    name: str
    rotate: int = 3
    """Operations of a rotate: one where there is such an instruction, two with a shift-and-add, else three."""
    three_input_logic: bool = False
    """Any function of three words is one operation (vpternlog, LOP3); else two-input logic."""
    three_input_add: bool = False
    """Three words are added in one operation (IADD3, a carry-save stage); else two."""
    free_adds: bool = False
    """Sums cost nothing: for counting what the others cost."""
    bit_select: bool = False
    """Bits of two words are chosen by a third in one operation (BFI_INT, V_BFI_B32)."""


SCALAR = InstructionSet("two-input logic with rotates", rotate=1)
VECTOR = InstructionSet("two-input logic without rotates (SSE2, AVX2)")
SHIFT_ADD = InstructionSet("two-input logic, rotates as shift and shift-add (NVIDIA before Maxwell)", rotate=2)
BIT_SELECT = InstructionSet("two-input logic with rotates and bit select (AMD until GCN)", rotate=1, bit_select=True)
AVX512 = InstructionSet("three-input logic and rotates (AVX-512)", rotate=1, three_input_logic=True)
WIDE = InstructionSet(
    "three-input logic and adds (GPU, hardware)", rotate=1, three_input_logic=True, three_input_add=True
)


@dataclass
class _Graph:
    nodes: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    parts: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def node(self, kind: str, *arguments: int) -> int:
        """Return the number of a node, the same for equal nodes; a node of constants alone is a constant."""
        if kind not in ("constant", "variable") and all(self.parts[a][0] == "constant" for a in arguments):
            kind, arguments = "constant", (len(self.parts),)
        key = (kind, arguments)
        if key not in self.nodes:
            self.nodes[key] = len(self.parts)
            self.parts.append(key)
        return self.nodes[key]

    def constant(self) -> int:
        return self.node("constant", len(self.parts))

    def variable(self) -> int:
        return self.node("variable", len(self.parts))

    def add(self, *terms: int) -> int:
        """Return a sum of any number of terms, its constants gathered into one."""
        fixed = [term for term in terms if self.parts[term][0] == "constant"]
        moving = [term for term in terms if self.parts[term][0] != "constant"]
        if not moving:
            return self.constant()
        return self.node("add", *moving, *fixed[:1])

    def count(self, outputs: list[int], offered: InstructionSet) -> int:
        """Return the operations needed for these outputs: every node that they reach, once."""
        reached: set[int] = set()
        open_nodes = list(outputs)
        total = 0
        while open_nodes:
            index = open_nodes.pop()
            if index in reached:
                continue
            reached.add(index)
            kind, arguments = self.parts[index]
            if kind not in ("constant", "variable"):
                total += _price(kind, len(arguments), offered)
                open_nodes.extend(arguments)
        return total


def _price(kind: str, arguments: int, offered: InstructionSet) -> int:
    """Return the operations of one node: sums of n words, the four sigmas, choose and majority."""
    xor3 = 1 if offered.three_input_logic else 2
    if kind == "add" and offered.free_adds:
        return 0
    if kind == "add":
        return -(-(arguments - 1) // 2) if offered.three_input_add else arguments - 1
    if kind.startswith("big_sigma"):
        return 3 * offered.rotate + xor3
    if kind.startswith("small_sigma"):
        return 2 * offered.rotate + 1 + xor3
    if offered.three_input_logic:
        return 1
    return {"choose": 1, "majority": 2}[kind] if offered.bit_select else {"choose": 3, "majority": 4}[kind]


def _schedule(graph: _Graph, words: list[int]) -> list[int]:
    """Return the 64 message words (FIPS 180-4, 6.2.2 step 1)."""
    expanded = list(words)
    for t in range(16, _COMPRESSION_ROUNDS):
        small0 = graph.node("small_sigma0", expanded[t - 15])
        small1 = graph.node("small_sigma1", expanded[t - 2])
        expanded.append(graph.add(small1, expanded[t - 7], small0, expanded[t - 16]))
    return expanded


def _rounds(graph: _Graph, state: list[int], words: list[int], first: int, last: int) -> list[int]:
    """Return the state after the rounds `first` to `last` - 1 (FIPS 180-4, 6.2.2 step 3)."""
    a, b, c, d, e, f, g, h = state
    for t in range(first, last):
        choose, majority = graph.node("choose", e, f, g), graph.node("majority", a, b, c)
        temporary1 = graph.add(h, graph.node("big_sigma1", e), choose, words[t], graph.constant())
        new_a = graph.add(temporary1, graph.node("big_sigma0", a), majority)
        a, b, c, d, e, f, g, h = new_a, a, b, c, graph.add(d, temporary1), e, f, g
    return [a, b, c, d, e, f, g, h]


@cache
def count_operations(offered: InstructionSet, *, rolled: bool = False) -> int:
    """Return the operations per double SHA-256 of a header, all that does not depend on the nonce precomputed.

    Args:
        offered: The operations that the processor has.
        rolled: Version rolling (AsicBoost, BIP 320): the message schedule of the header's second chunk is shared by
            so many midstates that it costs nothing per hash.
    """
    graph = _Graph()
    nonce = graph.constant() if rolled else graph.variable()
    words = [graph.constant() for _ in range(16)]
    words[3] = nonce
    lane = graph.variable if rolled else graph.constant
    start = [lane() for _ in range(8)]  # the state after three rounds, which the nonce has not reached
    midstate = [lane() for _ in range(8)]
    state = _rounds(graph, start, _schedule(graph, words), 3, _COMPRESSION_ROUNDS)
    digest = [graph.add(word, fixed) for word, fixed in zip(state, midstate, strict=True)]
    second = digest + [graph.constant() for _ in range(8)]
    initial = [graph.constant() for _ in range(8)]
    final = _rounds(graph, initial, _schedule(graph, second), 0, _DECIDING_ROUNDS)
    return graph.count([final[4]], offered)


@cache
def count_compression(offered: InstructionSet) -> int:
    """Return the operations of one whole compression of 64 rounds, none of its words known beforehand."""
    graph = _Graph()
    start = [graph.variable() for _ in range(8)]
    end = _rounds(graph, start, _schedule(graph, [graph.variable() for _ in range(16)]), 0, _COMPRESSION_ROUNDS)
    return graph.count([graph.add(word, first) for word, first in zip(end, start, strict=True)], offered)


@cache
def count_additions() -> int:
    """Return the two-input 32-bit additions per double SHA-256 of a header."""
    only_logic_free = InstructionSet("no additions", rotate=1, three_input_logic=True, free_adds=True)
    everything = InstructionSet("two-input additions", rotate=1, three_input_logic=True)
    return count_operations(everything) - count_operations(only_logic_free)
