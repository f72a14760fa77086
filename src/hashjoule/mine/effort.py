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
    began_s: float = field(default_factory=time.monotonic)
    """When the run began, by the monotonic clock."""
    idle_s: float = 0.0
    """Time without a node or pool to mine for."""

    @property
    def seconds(self) -> float:
        """Time since the run began."""
        return time.monotonic() - self.began_s

    @property
    def busy_seconds(self) -> float:
        """Time since the run began, without the time in which there was nothing to mine for."""
        return max(self.seconds - self.idle_s, 1e-9)

    @property
    def hashrate_hs(self) -> float:
        """Hashes per second while there was something to mine for."""
        return self.hashes / self.busy_seconds

    @property
    def expected_s(self) -> float | None:
        """How long a block or share takes on average at this rate; None before the first hash."""
        return self.expected_hashes / self.hashrate_hs if self.hashes else None
