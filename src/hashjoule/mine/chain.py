"""A chain to mine on: what the mining loop asks of it, and the errors with which it answers."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from hashjoule.errors import UnavailableError
from hashjoule.mine.template import Template

TIME_TOO_NEW = "time-too-new"
"""What a node says of a block whose time is more than two hours ahead of its clock."""


WAIT_SECONDS = 0.1
"""Longest time that one call of `Watch.outdated` may take; so long it holds one of the node's RPC threads."""


class NoAnswerError(UnavailableError):
    """No usable answer came: nothing listens, the connection broke, or the answer makes no sense. It may pass."""


class NotReadyError(NoAnswerError):
    """The node is there and says that it will answer later: it is loading, overloaded, or without peers."""


class BrokenConnectionError(NoAnswerError):
    """Something listens and closed the connection before it had answered."""


class RpcError(UnavailableError):
    """The node answers a call with an error: a code and a sentence."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"the node refuses {method}: {message} ({code})")
        self.code = code


class TooEarlyError(NotReadyError):
    """The chain's time is ahead of the clock: the same block or template will be good later."""

    def __init__(self) -> None:
        super().__init__("the chain's time is two hours ahead of the clock, as fast mining makes it")


class RefusedError(UnavailableError):
    """The node does not accept the credentials."""


class Standing(Enum):
    """Where a block is, as the chain sees it."""

    ACTIVE = "active"
    STALE = "stale"
    UNKNOWN = "unknown"


class Watch(Protocol):
    """Looks for new tips. Its methods raise the errors of this module."""

    def outdated(self, template: Template) -> bool:
        """Wait a moment, then return whether a template is out of date."""
        ...

    def close(self) -> None:
        """Close its connection."""
        ...


class Chain(Protocol):
    """A chain to mine on. Its methods raise the errors of this module, and HashjouleError for good."""

    def template(self) -> Template:
        """Return what to mine now."""
        ...

    def propose(self, block: bytes) -> str | None:
        """Return why the chain would reject this block, proof of work aside; None if it would not."""
        ...

    def submit(self, block: bytes) -> tuple[str | None, Template]:
        """Submit a block, and ask what to mine next.

        The first item is None, or what the chain says about the block, which is not always a rejection (BIP 22).
        """
        ...

    def standing(self, block_hash: bytes) -> Standing:
        """Return where the block with this hash is; the hash's bytes are in the order of a header."""
        ...

    def watch(self) -> Watch | None:
        """Return a watch over the tip, for use in another thread; None where nobody else mines."""
        ...

    def close(self) -> None:
        """Release connections or files."""
        ...
