"""What a mining run has done so far: hashes, time and rate."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Effort:
    """What a run has searched so far."""

    wrong_hits: int = 0
    """Hits that hashlib does not confirm: errors of the hardware or a driver."""
    hashes: int = 0
    expected_hashes: float = 0.0
    """How many hashes it takes on average to find a block or share."""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Time since the run began."""
        return time.monotonic() - self.began

    @property
    def hashrate_hs(self) -> float:
        """Hashes per second of wall-clock time, everything included."""
        return self.hashes / max(self.seconds, 1e-9)

    @property
    def hit_seconds(self) -> float | None:
        """Expected time to a block or share at this rate; None before the first hash."""
        return self.expected_hashes / self.hashrate_hs if self.hashes else None
