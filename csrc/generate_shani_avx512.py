#!/usr/bin/env python3
"""Writes shani_avx512_bodies.h: the straight-line inner loops of shani_avx512.c.

A body advances several independent computations at once: both hashes of a batch in vector lanes, a few hashes
on the SHA instructions, and the message schedules that those need. Each is a stream of single operations here.
A list scheduler merges the streams in the order in which a simple model of the CPU could issue them; the
compiler must keep that order (see shani_avx512.c) and only allocates registers.

Usage: generate_shani_avx512.py [--check]
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import sys
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

PAD_80 = [0x80000000, *[0] * 10, 80 * 8]  # words 4..15 of a header's second chunk
PAD_32 = [0x80000000, *[0] * 6, 32 * 8]  # words 8..15 of a digest's only chunk


@dataclass(frozen=True)
class Unit:
    """What the model knows of an operation: latency, and cycles between two of its kind."""

    latency: int
    interval: float


# Zen 5: any vector operation takes one of four pipes and two cycles; two of the pipes rotate and shift;
# sha256rnds2 takes one pipe, but only every second cycle.
PIPES = 4
UNITS = {"alu": Unit(2, 0.25), "shift": Unit(2, 0.5), "sha": Unit(4, 2), "free": Unit(0, 0)}
SHIFTS = {"ROR", "SHR"}
FREE = {"KEEP", "LOAD"}  # an empty statement; a load that no pipe of the four takes

# A value is a number, or C: the name of an operation's result, or an operand in memory.
Value = int | str


@dataclass
class Op:
    text: str
    reads: list[str]
    name: str
    unit: str


@dataclass
class Stream:
    """Operations that depend on each other only through the names they read."""

    names: itertools.count[int]
    ops: list[Op] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def append(self, text: str, operands: tuple[Value, ...], name: str, unit: str) -> None:
        self.ops.append(Op(text, [x for x in operands if x in self.known], name, unit))

    def let(self, function: str, *operands: Value, type_: str = "V", after: str = "") -> str:
        """A new name for function(operands)."""
        name = f"x{next(self.names)}"
        unit = "shift" if function in SHIFTS else "free" if function in FREE else "sha" if function == "RNDS2" else "alu"
        call = f"{function}({', '.join(vector(x) for x in operands)})"
        self.append(f"const {type_} {name} = {call};", (*operands, after), name, unit)
        self.known.add(name)
        return name

    def store(self, target: str, value: str) -> None:
        self.append(f"{target} = {value};", (value,), "", "free")

    def add(self, *terms: Value) -> Value:
        """Their sum, from left to right, with the numbers among them as one."""
        number = sum(t for t in terms if isinstance(t, int)) & MASK
        total, *others = [t for t in terms if isinstance(t, str)] + ([number] if number else []) or [0]
        for term in others:
            total = self.let("ADD", total, term)
        return total

    def sigma(self, x: Value, n1: int, n2: int, n3: int, last: str = "ROR") -> Value:
        if isinstance(x, int):
            return rotate(x, n1) ^ rotate(x, n2) ^ (rotate(x, n3) if last == "ROR" else x >> n3)
        return self.let("XOR3", self.let("ROR", x, f"{n1}"), self.let("ROR", x, f"{n2}"), self.let(last, x, f"{n3}"))

    def round(self, s: list[Value], *wk: Value, only_e: bool = False) -> None:
        """One round on the state a..h in s. KEEP stops compilers from moving the late sigma forward in the sum:
        the way from e to the next e is what bounds the speed of a stream."""
        a, b, c, d, e, f, g, h = s
        t = self.add(h, *wk, self.choose("CH", e, f, g))
        t = self.let("KEEP", t) if isinstance(t, str) else t
        t = self.add(self.sigma(e, 6, 11, 25), t)
        s[1:] = s[:-1]
        s[4] = self.add(d, t)
        s[0] = 0 if only_e else self.add(t, self.choose("MAJ", a, b, c), self.sigma(a, 2, 13, 22))

    def choose(self, function: str, x: Value, y: Value, z: Value) -> Value:
        if isinstance(x, int) and isinstance(y, int) and isinstance(z, int):
            return (z ^ (x & (y ^ z))) if function == "CH" else ((x & y) | (z & (x | y)))
        return self.let(function, x, y, z)

    def word(self, w: list[Value], t: int, *uniform: Value) -> Value:
        """Word t of the message schedule; uniform stands for what earlier words contribute that is None here."""
        return self.add(
            w[t - 16],
            self.sigma(w[t - 15], 7, 18, 3, "SHR"),
            w[t - 7],
            *uniform,
            self.sigma(w[t - 2], 17, 19, 10, "SHR"),
        )


def rotate(x: int, n: int) -> int:
    return (x >> n | x << 32 - n) & MASK


def vector(x: Value) -> str:
    return f"ALL(0x{x:08x}u)" if isinstance(x, int) else x


def first_in_lanes(s: Stream, rolled: bool) -> None:
    """Rounds 4..63 of the header's second chunk. Rolled: W + K of all lanes at v.wk. Plain: the nonces are the
    lanes of W3; v.uniform has, for each word, the sum of what words other than W3 contribute (with K at 16, 17)."""
    state: list[Value] = [s.let("LOAD", f"v.start[{i}]") for i in range(8)]
    state[0], state[4] = s.add(state[0], "v.nonces"), s.add(state[4], "v.nonces")
    w: list[Value] = [0, 0, 0, "" if rolled else s.let("LOAD", "v.nonces"), *PAD_80, 0, 0]
    for t in range(4, 64):
        if rolled:
            s.round(state, f"ALL(WK(v.wk, {t}))")
        elif t < 16:
            s.round(state, f"ALL(v.first_k[{t}])")
        elif t < 18:
            s.round(state, f"ALL(v.uniform[{t}])")
        else:
            uniform = [f"ALL(v.uniform[{t}])"] if t in (18, 19, 23, 24, 31, 32, 33) else []
            w.append(s.word(w, t, *uniform))
            s.round(state, f"ALL(v.k[{t}])", w[t])
    for i in range(8):
        s.store(f"v.digest[{i}]", s.let("ADD", state[i], f"v.midstate[{i}]"))


def second_in_lanes(s: Stream) -> None:
    """Rounds 0..60 of the second hash: the last e decides digest word 7, and from round 57 on only e matters."""
    w: list[Value] = [s.let("LOAD", f"v.message[{i}]") for i in range(8)]
    w += PAD_32
    state: list[Value] = list(H)
    for t in range(61):
        if t >= 16:
            w.append(s.word(w, t))
        constant = [K[t]] if t < 4 else [f"ALL(v.second_k[{t}])"]
        s.round(state, *constant, *([w[t]] if isinstance(w[t], str) else []), only_e=t >= 57)
    s.store("*v.word7", s.let("ADD", state[4], H[7]))


def on_sha(s: Stream, chains: range) -> None:
    """First hashes, then second hashes on sha256rnds2, one after the other: each waits for the one before."""
    previous = ""
    for c in chains:
        abef = s.let("NONCE", f"v.sha_start[{c}].abef", f"v.sha_nonces[{c}]", type_="X", after=previous)
        cdgh = s.let("LOAD", f"v.sha_start[{c}].cdgh", type_="X", after=previous)
        for t in range(4, 64, 2):
            abef, cdgh = s.let("RNDS2", cdgh, abef, f"PAIR(v.sha_wk + FIRST_STEP * {c}, {t})", type_="X"), abef
        s.store(f"v.sha_abef[{c}]", abef)
        s.store(f"v.sha_cdgh[{c}]", cdgh)
        previous = abef
    for c in chains:
        abef, cdgh = "v.sha_h.abef", "v.sha_h.cdgh"
        for t in range(0, 62, 2):
            operands = (cdgh, abef, f"PAIR(v.sha_second_wk + 4 * {c}, {t})")
            abef, cdgh = s.let("RNDS2", *operands, type_="X", after=previous if not t else ""), abef
        s.store(f"v.sha_second[{c}]", abef)
        previous = abef


def part_of_schedule(s: Stream, io: str, words: int) -> None:
    """The next words of sixteen hashes' schedule: io.w[16..] from io.w[0..15], and their W + K in pairs."""
    w: list[Value] = [f"{io}.w[{i}]" for i in range(16)]
    for t in range(16, 16 + words):
        loaded = {i: s.let("LOAD", x) for i in (t - 15, t - 2) if isinstance(x := w[i], str) and "[" in x}
        w[t - 15], w[t - 2] = loaded.get(t - 15, w[t - 15]), loaded.get(t - 2, w[t - 2])
        w.append(s.word(w, t))
        s.store(f"{io}.w[{t}]", str(w[t]))
        if t % 2:
            even, odd = s.add(f"ALL({io}.k[{t - 1}])", w[t - 1]), s.add(f"ALL({io}.k[{t}])", w[t])
            s.store(f"{io}.pairs[{t - 1}]", s.let("LOW_PAIRS", even, odd))
            s.store(f"{io}.pairs[{t}]", s.let("HIGH_PAIRS", even, odd))


def schedule(streams: list[Stream]) -> list[str]:
    """List scheduling: in each cycle of the model, of the operations whose operands are there, those with the
    longest way to the end of their stream."""
    ops = [op for s in streams for op in s.ops]
    index = {op.name: i for i, op in enumerate(ops) if op.name}
    users: list[list[int]] = [[] for _ in ops]
    waits = [len(set(op.reads)) for op in ops]
    for i, op in enumerate(ops):
        for name in set(op.reads):
            users[index[name]].append(i)
    height = [0] * len(ops)
    for i in reversed(range(len(ops))):
        height[i] = UNITS[ops[i].unit].latency + max((height[u] for u in users[i]), default=0)
    ready = [(0, -height[i], i) for i in range(len(ops)) if not waits[i]]
    return [ops[i].text for i in issue(ops, users, waits, height, ready)]


def issue(
    ops: list[Op], users: list[list[int]], waits: list[int], height: list[int], ready: list[tuple[int, int, int]]
) -> list[int]:
    order: list[int] = []
    arrives = [0] * len(ops)
    busy = dict.fromkeys(UNITS, 0.0)
    cycle = 0
    while ready:
        pipes, later = PIPES, []
        candidates = sorted((x for x in ready if x[0] <= cycle), key=lambda x: x[1:])
        later = [x for x in ready if x[0] > cycle]
        while candidates:
            item = candidates.pop(0)
            i = item[2]
            unit = UNITS[ops[i].unit]
            if unit.interval and (not pipes or busy[ops[i].unit] > cycle + 1 - unit.interval):
                later.append(item)
                continue
            if unit.interval:
                pipes -= 1
                busy[ops[i].unit] = max(busy[ops[i].unit], cycle) + unit.interval
            order.append(i)
            for u in users[i]:
                waits[u] -= 1
                arrives[u] = max(arrives[u], cycle + unit.latency)
                if not waits[u]:
                    later.append((arrives[u], -height[u], u))
        ready = later
        cycle += 1
    issue.cycles = cycle
    return order


def body(name: str, rolled: bool) -> str:
    names = itertools.count()
    streams = []
    def stream():
        streams.append(Stream(names)); return streams[-1]
    first_in_lanes(stream(), rolled)
    second_in_lanes(stream())
    on_sha(stream(), range(0, 2))
    on_sha(stream(), range(2, 4))
    part_of_schedule(stream(), "v.second", 12)
    if not rolled:
        part_of_schedule(stream(), "v.first", 12)
    step = "0" if rolled else "4"
    text = "\n".join("    " + x for x in schedule(streams)).replace("FIRST_STEP", step)
    print(name, issue.cycles, {u: sum(op.unit == u for s in streams for op in s.ops) for u in UNITS}, file=sys.stderr)
    return f"static NOINLINE void {name}(struct io *io)\n{{\n    const struct io v = *io;\n{text}\n}}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes shani_avx512_bodies.h.")
    parser.add_argument("--check", action="store_true", help="fail unless the file is current")
    check = parser.parse_args().check
    text = "/* Written by generate_shani_avx512.py; do not edit. */\n\n" + body("rolled_body", True) + "\n" + body("plain_body", False)
    if not check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        sys.exit("shani_avx512_bodies.h is not current: run generate_shani_avx512.py")


if __name__ == "__main__":
    main()
