"""What the ports of the circuits get for a job, as `hashjoule.backends.prepare` computes it for the kernels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.gates.synthesis import Variant
from hashjoule.backends.prepare import known_words, start
from hashjoule.job import NONCES, SHA256_H, Job

PADDING_1 = (0x80000000, *[0] * 10, 640)
"""What fills up the second chunk of a header: the end mark, zeros and the length of 80 bytes in bits."""

PADDING_2 = (0x80000000, *[0] * 6, 256)
"""What fills up the block of the second hash: the same for the 32 bytes of a digest."""


@dataclass(frozen=True)
class Work:
    """Consecutive nonces of a job, beginning with `first_nonce` and wrapping past 2^32."""

    job: Job
    first_nonce: int

    def nonce_word(self, i: int) -> int:
        """Return message word 3 for the i-th nonce: its bytes in the order of the header."""
        nonce = (self.first_nonce + i) % NONCES
        return int.from_bytes(nonce.to_bytes(4, "little"), "big")


def constant_ports(variant: Variant, job: Job) -> dict[str, list[int]]:
    """Return the words of the ports that stay the same for all nonces of a job, leftmost first."""
    midstates = list(job.midstates[: variant.midstates])
    known = known_words(job)
    if variant.style == "shortcuts":
        return {
            "midstate": _lanes(midstates),
            "start": _lanes(start(midstate, known) for midstate in midstates),
            "known": known[4:34],
            "filter": [0xFFFFFFFF],
        }
    return {
        "midstate": _lanes(midstates),
        "tail": list(job.tail),
        "padding_1": list(PADDING_1),
        "padding_2": list(PADDING_2),
        "initial_state": list(SHA256_H),
    }


def _lanes(states: Iterable[Sequence[int]]) -> list[int]:
    """Return states side by side as words, the first one rightmost."""
    return [word for state in reversed(list(states)) for word in state]


def port_bits(runs: Iterable[tuple[Sequence[int], int]]) -> list[int]:
    """Return a port's bits, lowest first, each as an integer with a bit for each cycle or lane, the first one lowest.

    `runs` are the port's words, leftmost first, and for how many cycles or lanes they stay.
    """
    found: list[int] = []
    done = 0
    for words, length in runs:
        held = (1 << length) - 1 << done
        found = found or [0] * (32 * len(words))
        for place, word in enumerate(reversed(words)):
            for bit in range(32):
                if word >> bit & 1:
                    found[32 * place + bit] |= held
        done += length
    return found
