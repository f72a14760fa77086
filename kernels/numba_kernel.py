"""The Numba search: SHA-256 written out line by line by a small generator, for LLVM to turn into vector code.

Its lines are the rounds of sha256_rounds.h in Python's syntax. One step runs the second hash of one batch of LANES
nonces beside the first hash of the next, round by round, so that a core always has two independent computations. The
loop over the lanes, of constant length and with all of its data in one block of memory, is what LLVM vectorises.

Plain: one midstate. Rolled: the message words that depend on the nonce are computed once for LANES nonces and kept
in the block, for all midstates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

LANES = 16

DIGEST, PASSES, NONCE, WORDS, ROWS = 0, 8, 9, 10, 74
"""Rows of the block, each of LANES words: what the row holds from there on, and how many there are."""

STATE, START, MIDSTATE = 0, 8, 16
"""A midstate's words: the state, the same after rounds 0 to 3 with a nonce of 0, and how many words that makes."""

H0 = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)

FIRST_NUMBERS = dict.fromkeys((*range(3), *range(4, 18)), 0)
"""The first hash's message words that the nonce does not reach. Their parts of later words are known per job."""

SECOND_NUMBERS = dict.fromkeys(range(8, 16), 0) | {8: 0x80000000, 15: 256}
"""The second hash's padding: an end mark, and the length of a digest in bits."""


def sigma(x: str, *turns: int, shift: int = 0) -> str:
    """FIPS 180-4's sigma functions: rotations to the right, and in the small ones a shift, joined by xor."""
    terms = [f"(u32({x} >> u32({n})) | u32({x} << u32({32 - n})))" for n in turns]
    return f"u32({' ^ '.join(terms + ([f'u32({x} >> u32({shift}))'] if shift else []))})"


def sigma_of(x: int, *turns: int, shift: int = 0) -> int:
    """The same of a number."""
    value = x >> shift if shift else 0
    for n in turns:
        value ^= (x >> n | x << (32 - n)) & 0xFFFFFFFF
    return value


def add(*terms: str | int) -> str:
    """A sum from left to right; the numbers among the terms are added up here."""
    known = sum(term for term in terms if isinstance(term, int)) & 0xFFFFFFFF
    words = [term for term in terms if isinstance(term, str)]
    total = words[0]
    for word in words[1:] + ([f"u32({known})"] if known else []):
        total = f"u32({total} + {word})"
    return total


class Hash:
    """The lines of one hash. What is a at the start of round t is b of round t + 1, c of t + 2 and d of t + 3, and so
    on from e: one name lasts."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def word(self, t: int) -> str:
        """The name of W[t]."""
        return f"{self._prefix}_w{t}"

    def a(self, t: int) -> str:
        """The name of a at the start of round t."""
        return f"{self._prefix}_a{t + 3}"

    def e(self, t: int) -> str:
        """The name of e at the start of round t."""
        return f"{self._prefix}_e{t + 3}"

    def start(self, t: int, state: Sequence[str]) -> Iterator[str]:
        """Names a state's eight words as those of the start of round t."""
        for i in range(4):
            yield f"{self.a(t - i)} = {state[i]}"
            yield f"{self.e(t - i)} = {state[4 + i]}"

    def round(self, t: int, *words: str | int, half: bool = False) -> Iterator[str]:
        """Round t, with K[t] + W[t] as the sum of `words`; half of it makes the new e only."""
        a, b, c, d = (self.a(t - i) for i in range(4))
        e, f, g, h = (self.e(t - i) for i in range(4))
        t1 = f"{self._prefix}_t{t}"
        yield f"{t1} = {add(h, *words)}"
        yield f"{t1} = {add(t1, f'u32({g} ^ ({e} & ({f} ^ {g})))')}"
        yield f"{t1} = {add(t1, sigma(e, 6, 11, 25))}"
        yield f"{self.e(t + 1)} = {add(d, t1)}"
        if not half:
            majority = f"u32(({a} & {b}) | ({c} & ({a} | {b})))"
            yield f"{self.a(t + 1)} = {add(sigma(a, 2, 13, 22), majority, t1)}"

    def expand(self, t: int, numbers: dict[int, int], *known: str) -> str:
        """W[t] of the words 16, 15, 7 and 2 before it, some of which are numbers; `known` is added to it."""
        terms: list[str | int] = [*known]
        for source, turns, shift in ((t - 16, (), 0), (t - 15, (7, 18), 3), (t - 7, (), 0), (t - 2, (17, 19), 10)):
            word = numbers.get(source, self.word(source))
            if not turns:
                terms.append(word)
            elif isinstance(word, int):
                terms.append(sigma_of(word, *turns, shift=shift))
            else:
                terms.append(sigma(word, *turns, shift=shift))
        return f"{self.word(t)} = {add(*terms)}"


def at(row: int) -> str:
    """The lane's word in a row of the block."""
    return f"block[u64({row * LANES}) + lane]"


def nonce_word(h: Hash) -> Iterator[str]:
    """W3 is the nonce, which the header has in little-endian order."""
    n = h.word(3)
    yield f"{n} = u32(u32(first_nonce + offset) + u32(lane))"
    yield f"{n} = u32(({n} >> u32(8)) & u32(0x00ff00ff)) | u32(({n} << u32(8)) & u32(0xff00ff00))"
    yield f"{n} = u32(u32({n} >> u32(16)) | u32({n} << u32(16)))"


def first_word(h: Hash, t: int) -> str:
    """W[t] of the first hash, t >= 18."""
    return h.expand(t, FIRST_NUMBERS, *([f"known{t}"] if t < 34 else []))


def first_hash(k: Sequence[int], rolled: bool) -> Iterator[list[str]]:
    """The first hash's rounds 4 to 63, then its digest. Round 3 has the nonce in no more than its last additions."""
    h = Hash("first")
    start = [f"start{i}" for i in range(8)]
    start[0], start[4] = add("start0", h.word(3)), add("start4", h.word(3))
    yield [*([f"{h.word(3)} = {at(NONCE)}"] if rolled else nonce_word(h)), *h.start(4, start)]
    for t in range(4, 64):
        if t < 18:
            yield list(h.round(t, f"known{t}"))
        elif rolled:
            yield list(h.round(t, at(WORDS + t)))
        else:
            yield [first_word(h, t), *h.round(t, k[t], h.word(t))]
    end = [name(64 - i) for name in (h.a, h.e) for i in range(4)]
    yield [f"{at(DIGEST + i)} = {add(end[i], f'state{i}')}" for i in range(8)]


def second_hash(k: Sequence[int]) -> Iterator[list[str]]:
    """The second hash's rounds 1 to 60. Round 0 but adds W0 to known words; the last four need no new a, because
    digest word 7 is H0[7] + e after round 60."""
    h = Hash("second")
    yield [f"{h.word(t)} = {at(DIGEST + t)}" for t in range(8)]
    e1 = H0[7] + sigma_of(H0[4], 6, 11, 25) + (H0[6] ^ (H0[4] & (H0[5] ^ H0[6]))) + k[0]
    a1 = e1 + sigma_of(H0[0], 2, 13, 22) + ((H0[0] & H0[1]) | (H0[2] & (H0[0] | H0[1])))
    numbers = [f"u32({word})" for word in H0]
    yield list(h.start(1, [add(h.word(0), a1), *numbers[:3], add(h.word(0), H0[3] + e1), *numbers[4:7]]))
    for t in range(1, 61):
        word = SECOND_NUMBERS.get(t, h.word(t))
        lines = [h.expand(t, SECOND_NUMBERS)] if t >= 16 else []
        yield lines + list(h.round(t, k[t] + (H0[7] if t == 60 else 0), word, half=t >= 57))
    yield [f"{at(PASSES)} = u32({h.e(61)} & filter_)"]


def beside(first: Iterable[list[str]], second: Iterable[list[str]]) -> list[str]:
    """Both hashes round by round; the second, which reads the digests that the first replaces, is a line ahead."""
    first, second = list(first), list(second)
    first = [[]] * (len(second) - len(first)) + first
    return [line for lines in zip(second, first, strict=True) for line in chain(*lines)]


def message(k: Sequence[int]) -> Iterator[str]:
    """W3 and K[t] + W[t] of the first hash, t >= 18, for the block."""
    h = Hash("message")
    yield from nonce_word(h)
    yield f"{at(NONCE)} = {h.word(3)}"
    for t in range(18, 64):
        yield first_word(h, t)
        yield f"{at(WORDS + t)} = {add(h.word(t), k[t])}"


def cpu_source(k: Sequence[int], rolled: bool) -> str:
    """The text of `search_plain` or `search_rolled` for CPUs; `k` are SHA-256's round constants.

    The function gets u64 and u32 (NumPy's types) as globals; nonces and offsets are 64 bits wide so that indices need
    no test for negative ones. It returns how many candidates there were, of which those that fit are in `found`.
    """
    step = beside(first_hash(k, rolled), second_hash(k))
    if rolled:
        return _filled(_CPU_ROLLED, message=message(k), step=step, report=_REPORT.splitlines())
    return _filled(_CPU_PLAIN, step=step, report=_REPORT.splitlines())


def _filled(template: str, **parts: Iterable[str]) -> str:
    """The template with the lines of each part in the place of its name in angle brackets."""
    parts["known"] = [f"known{t} = known[{t}]" for t in range(4, 34)]
    parts["midstate"] = [f"state{i} = midstates[m + u64({STATE + i})]" for i in range(8)]
    parts["midstate"] += [f"start{i} = midstates[m + u64({START + i})]" for i in range(8)]
    lines: list[str] = []
    for line in template.splitlines():
        indent, bracket, name = line.partition("<")
        is_part = bracket and not indent.strip() and name.rstrip(">") in parts
        lines += [indent + text for text in parts[name.rstrip(">")]] if is_part else [line]
    return "\n".join(lines)


_CPU_PLAIN = f"""\
def search_plain(first_nonce, nonces, filter_, n_midstates, known, midstates, block, found):
    <known>
    m = u64(0)
    <midstate>
    n_found, last_offset = u64(0), nonces
    for vector in range((nonces + u64({LANES - 1})) // u64({LANES}) + u64(1)):
        offset = vector * u64({LANES})
        for lane in range(u64({LANES})):
            <step>
        last_midstate = u64(0)
        <report>
        last_offset = offset
    return n_found
"""

_CPU_ROLLED = f"""\
def search_rolled(first_nonce, nonces, filter_, n_midstates, known, midstates, block, found):
    <known>
    midstate, offset = u64(0), u64(0)
    n_found, last_midstate, last_offset = u64(0), u64(0), nonces
    for step in range((nonces + u64({LANES - 1})) // u64({LANES}) * n_midstates + u64(1)):
        if midstate == u64(0):
            for lane in range(u64({LANES})):
                <message>
        m = midstate * u64({MIDSTATE})
        <midstate>
        for lane in range(u64({LANES})):
            <step>
        <report>
        last_midstate, last_offset = midstate, offset
        midstate += u64(1)
        if midstate == n_midstates:
            midstate = u64(0)
            offset += u64({LANES})
    return n_found
"""

_REPORT = f"""\
passing = u32(0)
for lane in range(u64({LANES})):
    passing |= u32(block[u64({PASSES * LANES}) + lane] == u32(0))
if passing:
    for lane in range(u64({LANES})):
        if block[u64({PASSES * LANES}) + lane] == u32(0) and last_offset + lane < nonces:
            if n_found < u64(found.shape[0]):
                found[n_found, 0] = u32(last_midstate)
                found[n_found, 1] = u32(first_nonce + last_offset + lane)
            n_found += u64(1)
"""
"""What the last batch found. The step before the first batch finds nothing, for its offset is beyond every range."""


def gpu_source(k: Sequence[int]) -> str:
    """The text of `search` for CUDA: a thread takes one nonce through all midstates, one hash after the other."""
    first, second = (list(chain(*rounds)) for rounds in (first_hash(k, rolled=False), second_hash(k)))
    return _filled(_GPU, step=(_without_block(line) for line in first + second))


def _without_block(line: str) -> str:
    """The line with the words of the block as names: a thread has no lanes."""
    return re.sub(r"block\[u64\((\d+)\) \+ lane\]", lambda m: f"row{int(m[1]) // LANES}", line)


_GPU = f"""\
def search(first_nonce, nonces, filter_, n_midstates, known, midstates, found, count):
    offset, lane = u32(cuda.grid(1)), u32(0)
    if offset < nonces:
        <known>
        for midstate in range(n_midstates):
            m = u64(midstate) * u64({MIDSTATE})
            <midstate>
            <step>
            if row{PASSES} == u32(0):
                index = cuda.atomic.add(count, 0, 1)
                if index < found.shape[0]:
                    found[index, 0] = u32(midstate)
                    found[index, 1] = u32(first_nonce + offset)
"""
