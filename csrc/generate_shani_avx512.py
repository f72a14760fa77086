#!/usr/bin/env python3
"""Writes shani_avx512_bodies.h: the inner loops of shani_avx512.c.

A body advances several computations that have nothing to do with each other: the first hash of sixteen pairs
and the second hash of sixteen others in vector lanes, both hashes of a few pairs on the SHA instructions, and
the message schedules that those need. Each is a stream of single operations. The streams are merged evenly,
so that the CPU always finds operations that are ready. The compiler keeps that order (see shani_avx512.c).

A body is a prefix and a loop of three times sixteen rounds, because straight-line code for all 121 rounds
does not fit the cache of decoded instructions. The prefix has 12 rounds of the first hash, which starts at
round 4, and 13 of the second, which ends after round 60: the last e decides digest word 7.

Usage: generate_shani_avx512.py [--check]
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT = Path(__file__).with_name("shani_avx512_bodies.h")
MASK = 0xFFFFFFFF


def root_bits(n: int, degree: int) -> int:
    """The first 32 bits of the fraction of the root of n (FIPS 180-4, 4.2.2 and 5.3.3), in integers."""
    low, high = 0, n << 32
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= n << 32 * degree else (low, middle - 1)
    return low & MASK


PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
H = [root_bits(p, 2) for p in PRIMES[:8]]
K = [root_bits(p, 3) for p in PRIMES]

SHA_CHAINS = 4  # pairs that a body takes through a hash on the SHA instructions
LOOP = 16  # rounds in one turn of the loop; also how far pointers into W + K move
PART_WORDS = 4  # schedule words for the SHA instructions in one turn: 48 in three turns of four bodies
SECOND_WORDS = 15  # schedule words of the second hash in one turn: 16..60 in three

# A value is a number, or C: the name of an operation's result, a variable, or an operand in memory.
Value = int | str


@dataclass
class Stream:
    """Statements of one computation, in order."""

    names: Iterator[int]
    lines: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)  # names of the words made here, by place in memory

    def let(self, function: str, *operands: Value, type_: str = "V") -> str:
        """A new name for function(operands)."""
        name = f"x{next(self.names)}"
        text = ", ".join(f"ALL(0x{x:08x}u)" if isinstance(x, int) else x for x in operands)
        self.lines.append(f"const {type_} {name} = {function}({text});")
        return name

    def set(self, target: str, value: Value) -> None:
        """Stores a value."""
        self.lines.append(f"{target} = {value};")

    def add(self, *terms: Value) -> Value:
        """Their sum, from left to right, with the numbers among them as one."""
        number = sum(t for t in terms if isinstance(t, int)) & MASK
        names: list[Value] = [t for t in terms if isinstance(t, str)]
        if number or not names:
            names.append(number)
        total = names[0]
        for term in names[1:]:
            total = self.let("ADD", total, term)
        return total

    def sigma(self, x: Value, n1: int, n2: int, n3: int, last: str = "ROR") -> Value:
        """One of the four sigmas of FIPS 180-4, 4.1.2: those of the schedule end in SHR."""
        if isinstance(x, int):
            return rotate(x, n1) ^ rotate(x, n2) ^ rotate(x, n3)
        turned = [self.let("ROR", x, str(n1)), self.let("ROR", x, str(n2)), self.let(last, x, str(n3))]
        return self.let("XOR3", *turned)

    def choose(self, function: str, x: Value, y: Value, z: Value) -> Value:
        """CH or MAJ."""
        if isinstance(x, int) and isinstance(y, int) and isinstance(z, int):
            return (z ^ (x & (y ^ z))) if function == "CH" else ((x & y) | (z & (x | y)))
        return self.let(function, x, y, z)

    def round(self, s: list[Value], *wk: Value) -> None:
        """One round on the state a..h in s. KEEP stops compilers from moving the sigma, which comes last,
        forward in the sum: the way from e to the next e is what bounds the speed of a stream."""
        a, b, c, d, e, f, g, h = s
        t = self.add(h, *wk, self.choose("CH", e, f, g))
        t = self.let("KEEP", t) if isinstance(t, str) else t
        t = self.add(self.sigma(e, 6, 11, 25), t)
        s[1:] = s[:-1]
        s[4] = self.add(d, t)
        s[0] = self.add(t, self.choose("MAJ", a, b, c), self.sigma(a, 2, 13, 22))

    def word(self, w: str, t: int) -> str:
        """Word t + 16 of the schedule in memory at w, from the sixteen words before it. The word before last
        comes from a register where it was made here, for a load must wait for its store."""
        near = self.let("LOAD", f"{w}[{t + 1}]")
        far = self.made.get(f"{w}[{t + 14}]", f"{w}[{t + 14}]")
        parts = self.sigma(near, 7, 18, 3, "SHR"), f"{w}[{t + 9}]", self.sigma(far, 17, 19, 10, "SHR")
        word = self.made[f"{w}[{t + 16}]"] = str(self.add(f"{w}[{t}]", *parts))
        self.set(f"{w}[{t + 16}]", word)
        return word


def rotate(x: int, n: int) -> int:
    """The 32-bit number, rotated right."""
    return (x >> n | x << 32 - n) & MASK


def first_prefix(s: Stream) -> list[Value]:
    """Rounds 4..15: their words are padding."""
    state: list[Value] = [s.let("LOAD", f"v.start[{i}]") for i in range(8)]
    state[0], state[4] = s.add(state[0], "v.nonces"), s.add(state[4], "v.nonces")
    for t in range(4, 16):
        s.round(state, f"ALL(v.first_k[{t}])")
    return state


def first_loop(s: Stream, state: list[Value], rolled: bool) -> None:
    """Sixteen rounds from 16 on. Rolled: all lanes share W + K. Plain: their words are made on the way."""
    for t in range(16, 16 + LOOP):
        if rolled:
            s.round(state, f"ALL(WK(v.wk, {t}))")
        else:
            s.round(state, f"ALL(v.k[{t}])", s.word("v.first_w", t - 16))


def second_prefix(s: Stream) -> list[Value]:
    """Rounds 0..12: the first digest, then padding."""
    state: list[Value] = list(H)
    for t in range(13):
        constant = K[t] if t < 4 else f"ALL(v.second_k[{t}])"
        s.round(state, constant, *([f"v.second_w[{t}]"] if t < 8 else []))
    return state


def second_loop(s: Stream, state: list[Value]) -> None:
    """Sixteen rounds from 13 on. Words come at fifteen a turn: in the last just ahead of their rounds."""
    for t in range(13, 13 + LOOP):
        s.round(state, f"ALL(v.k[{t}])", f"v.second_wt[{t}]")
        if t < 13 + SECOND_WORDS:
            s.word("v.second_w", t - 13)


def on_sha(s: Stream, hash_: str, chain: int, rounds: range, wk: str) -> None:
    """Rounds of one pair on the SHA instructions, on a state in memory."""
    abef, cdgh = f"v.{hash_}[{chain}].abef", f"v.{hash_}[{chain}].cdgh"
    if rounds.start == 4:
        x = s.let("NONCE", f"v.sha_start[{chain}].abef", f"v.sha_nonces[{chain}]", type_="X")
        y = f"v.sha_start[{chain}].cdgh"
    elif rounds.start == 0:
        x, y = "v.sha_h.abef", "v.sha_h.cdgh"
    else:
        x, y = s.let("LOAD", abef, type_="X"), s.let("LOAD", cdgh, type_="X")
    for t in rounds[::2]:
        x, y = s.let("RNDS2", y, x, f"PAIR({wk}, {t})", type_="X"), x
    s.set(abef, x)
    s.set(cdgh, y)


def part_of_schedule(s: Stream, part: str, words: int) -> None:
    """The next words of sixteen hashes' schedule for the SHA instructions, and their W + K in pairs."""
    for t in range(0, words, 2):
        even = s.add(s.word(f"v.{part}.w", t), f"ALL(v.{part}.k[{t + 16}])")
        odd = s.add(s.word(f"v.{part}.w", t + 1), f"ALL(v.{part}.k[{t + 17}])")
        s.set(f"v.{part}.pairs[{t + 16}]", s.let("LOW_PAIRS", even, odd))
        s.set(f"v.{part}.pairs[{t + 17}]", s.let("HIGH_PAIRS", even, odd))


def interleave(streams: list[Stream]) -> list[str]:
    """All statements, so that every stream is as far through as the others at any place."""
    places = []
    for n, s in enumerate(streams):
        places += [((i + 0.5) / len(s.lines), n, line) for i, line in enumerate(s.lines)]
    return [line for _, _, line in sorted(places)]


def sha_streams(names: Iterator[int], first: range, second: range, rolled: bool) -> list[Stream]:
    """Rounds of the first and of the second hash of all chains."""
    streams = [Stream(names) for _ in range(SHA_CHAINS)]
    for c, s in enumerate(streams):
        on_sha(s, "sha_first", c, first, "v.sha_wk" if rolled else f"v.sha_wk + 4 * {c}")
        on_sha(s, "sha_second", c, second, f"v.sha_second_wk + 4 * {c}")
    return streams


CARRIED = [f"{hash_}{i}" for hash_ in ("first", "second") for i in range(8)]  # states from turn to turn


def prefix(names: Iterator[int], rolled: bool) -> list[str]:
    """First hash 4..15 and second hash 0..12; on the SHA instructions 4..15 and 0..13."""
    first, second = Stream(names), Stream(names)
    state = first_prefix(first) + second_prefix(second)
    lines = interleave([first, second, *sha_streams(names, range(4, 16), range(14), rolled)])
    return lines + [f"V {variable} = {value};" for variable, value in zip(CARRIED, state, strict=True)]


def turn(names: Iterator[int], rolled: bool) -> list[str]:
    """The next sixteen rounds of all."""
    first, second = Stream(names), Stream(names)
    first_state: list[Value] = [*CARRIED[:8]]
    second_state: list[Value] = [*CARRIED[8:]]
    first_loop(first, first_state, rolled)
    second_loop(second, second_state)
    streams = [first, second, *sha_streams(names, range(16, 32), range(14, 30), rolled)]
    for part in ("second",) if rolled else ("second", "first"):
        streams.append(Stream(names))
        part_of_schedule(streams[-1], part, PART_WORDS)
    moves = zip(CARRIED, first_state + second_state, strict=True)
    return [*interleave(streams), *(f"{variable} = {value};" for variable, value in moves), "NEXT_TURN(v);"]


def body(name: str, rolled: bool) -> str:
    """The C function."""
    names = itertools.count()
    lines = ["struct io v = *io;", "ALIGN_STACK;", *prefix(names, rolled)]
    lines += ["for (int turn = 0; turn < 3; turn++) {", *("    " + x for x in turn(names, rolled)), "}"]
    lines += [f"v.digest[{i}] = ADD({CARRIED[i]}, v.midstate[{i}]);" for i in range(8)]
    lines += [f"*v.word7 = ADD({CARRIED[12]}, ALL(0x{H[7]:08x}u));"]
    inside = "".join(f"    {line}\n" for line in lines)
    return f"static NOINLINE void {name}(const struct io *io)\n{{\n{inside}}}\n"


def main() -> None:
    """Writes or checks the file."""
    parser = argparse.ArgumentParser(description="Writes shani_avx512_bodies.h.")
    parser.add_argument("--check", action="store_true", help="fail unless the file is current")
    check = parser.parse_args().check
    bodies = [body("rolled_body", True), body("plain_body", False)]
    text = "\n".join(["/* Written by generate_shani_avx512.py; do not edit. */\n", *bodies])
    if not check:
        OUTPUT.write_text(text)
    elif not OUTPUT.exists() or OUTPUT.read_text() != text:
        sys.exit("shani_avx512_bodies.h is not current: run generate_shani_avx512.py")


if __name__ == "__main__":
    main()
