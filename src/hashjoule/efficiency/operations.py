"""How many 32-bit operations one double SHA-256 of a block header costs, counted from the algorithm itself.

The hash is built as an expression graph (FIPS 180-4) in which everything that stays the same from nonce to nonce is
a constant: constants fold, equal expressions are counted once, and only what the decision needs is counted at all.
That is the work which any machine has to do; what differs between machines is which operations they have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

_COMPRESSION_ROUNDS = 64
_DECIDING_ROUNDS = 61  # the e of round 60 becomes the top word of the hash; later rounds cannot change it


@dataclass(frozen=True)
class Machine:
    """Which operations a machine has: the price list of the count."""

    name: str
    rotates: bool
    """A rotate is one operation; else it is two shifts and an or."""
    three_input_logic: bool
    """Any function of three words is one operation (vpternlog, LOP3); else two-input logic."""
    three_input_add: bool
    """Three words are added in one operation (IADD3, a carry-save stage); else two."""


SCALAR = Machine("two-input logic with rotates", True, False, False)
VECTOR = Machine("two-input logic without rotates (SSE2, AVX2)", False, False, False)
AVX512 = Machine("three-input logic and rotates (AVX-512)", True, True, False)
WIDE = Machine("three-input logic and adds (GPU, hardware)", True, True, True)


@dataclass
class _Graph:
    nodes: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    parts: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def node(self, kind: str, *arguments: int) -> int:
        """Intern a node; a node of constants alone is a constant."""
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
        """An n-ary sum whose constants have been gathered into one."""
        fixed = [term for term in terms if self.parts[term][0] == "constant"]
        moving = [term for term in terms if self.parts[term][0] != "constant"]
        if not moving:
            return self.constant()
        return self.node("add", *moving, *fixed[:1])

    def count(self, outputs: list[int], machine: Machine) -> int:
        """Operations needed for these outputs: every node that they reach, once."""
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
                total += _price(kind, len(arguments), machine)
                open_nodes.extend(arguments)
        return total


def _price(kind: str, arguments: int, machine: Machine) -> int:
    """Operations of one node: sums of n words, the four sigmas, choose and majority."""
    rotate = 1 if machine.rotates else 3
    xor3 = 1 if machine.three_input_logic else 2
    if kind == "add":
        return -(-(arguments - 1) // 2) if machine.three_input_add else arguments - 1
    if kind.startswith("big_sigma"):
        return 3 * rotate + xor3
    if kind.startswith("small_sigma"):
        return 2 * rotate + 1 + xor3
    two_input = {"choose": 3, "majority": 4}[kind]
    return 1 if machine.three_input_logic else two_input


def _schedule(graph: _Graph, words: list[int]) -> list[int]:
    """The 64 message words (FIPS 180-4, 6.2.2 step 1)."""
    expanded = list(words)
    for t in range(16, _COMPRESSION_ROUNDS):
        small0 = graph.node("small_sigma0", expanded[t - 15])
        small1 = graph.node("small_sigma1", expanded[t - 2])
        expanded.append(graph.add(small1, expanded[t - 7], small0, expanded[t - 16]))
    return expanded


def _rounds(graph: _Graph, state: list[int], words: list[int], first: int, last: int) -> list[int]:
    """Rounds first to last - 1 of the compression (FIPS 180-4, 6.2.2 step 3)."""
    a, b, c, d, e, f, g, h = state
    for t in range(first, last):
        choose, majority = graph.node("choose", e, f, g), graph.node("majority", a, b, c)
        temporary1 = graph.add(h, graph.node("big_sigma1", e), choose, words[t], graph.constant())
        new_a = graph.add(temporary1, graph.node("big_sigma0", a), majority)
        a, b, c, d, e, f, g, h = new_a, a, b, c, graph.add(d, temporary1), e, f, g
    return [a, b, c, d, e, f, g, h]


@cache
def count_operations(machine: Machine, *, rolled: bool = False) -> int:
    """Operations per double SHA-256 of a header, with the midstate and the nonce-independent part precomputed.

    ``rolled`` is version rolling (AsicBoost, BIP 320): the schedule of the header's second chunk is shared by so many
    midstates that it costs nothing per hash.
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
    return graph.count([final[4]], machine)
