"""One conversation with a pool as its client: lines in, lines out, no socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from hashjoule import __version__
from hashjoule.errors import UnavailableError, printable_line
from hashjoule.mine.pools.url import POOL_PASSWORD_VARIABLE
from hashjoule.mine.pools.work import CleanInterval, PoolJob, Share, ShareVerdict
from hashjoule.stratum import messages
from hashjoule.stratum.difficulty import DIFFICULTY_1_TARGET, target_of
from hashjoule.stratum.jobs import StratumJob
from hashjoule.stratum.messages import ErrorCode, Extranonce, Message, Notify, Reconnect, decode, decode_error
from hashjoule.stratum.shares import submit_of

MAX_MESSAGES = 20
"""How many of a pool's messages are shown per connection."""

MAX_REJECTIONS = 20
"""After this many rejected shares in a row the pool is left: all others would be rejected too."""

_AGENT = f"hashjoule/{__version__}"


class PoolError(UnavailableError):
    """A pool cannot be mined at, for now or at all; the sentence says why."""


class BrokenPoolConnectionError(PoolError):
    """The pool closed the connection. That may pass."""


class PoolClient:
    """A conversation with a pool: `receive` takes each line and returns what to send.

    `on_event` is called with each share's verdict, and with sentences that the user should read.
    """

    def __init__(
        self,
        name: str,
        user: str,
        password: str,
        on_event: Callable[[ShareVerdict | str], None],
        mask: int = 0,
    ) -> None:
        self.name = name
        self.job: PoolJob | None = None
        """What to search; None before the pool has accepted the user and sent a job."""
        self.expected_line = ""
        """What the pool has to send next, for the sentence about a pool that does not."""
        self.reconnect: Reconnect | None = None
        self.on_event = on_event
        self._user, self._password = user, password
        self._wanted_mask, self._mask = mask, 0
        self._requests: dict[int, Callable[[Message], bytes]] = {}
        self._shares: dict[int, tuple[float, Share]] = {}
        self._ids = count(1)
        self._extranonce: Extranonce | None = None
        self._next_extranonce: Extranonce | None = None
        self._notify: Notify | None = None
        self._target, self._target_is_known = DIFFICULTY_1_TARGET, False
        self._authorized = False
        self._messages = self._rejections = 0

    def begin(self) -> bytes:
        """Return the first line: mining.configure if versions are to be rolled, else mining.subscribe.

        mining.configure has to come first (BIP 310), and not all pools know it.
        """
        if not self._wanted_mask:
            return self._subscribe()
        options = messages.VersionRolling(mask=f"{self._wanted_mask:08x}", min_bit_count=1)
        return self._request("mining.configure", [["version-rolling"], options], self._on_configured)

    def receive(self, line: bytes) -> bytes:
        """Take a line and return what to send, which is often nothing.

        Raises:
            PoolError: The line is not valid, or the pool refuses to work with us.
        """
        try:
            message = messages.decode_message(line)
            if message.method is None:
                return self._on_answer(message)
            handle = _HANDLERS.get(message.method)
            return handle(self, message) if handle else b""
        except ValueError as error:  # msgspec's errors and bad UTF-8 are ValueErrors
            reason = printable_line(str(error))
            raise PoolError(f"{self.name} does not speak Stratum V1 ({reason}); check --pool") from None

    def submit(self, share: Share) -> bytes:
        """Return the line that submits a share, or nothing if the share no longer counts.

        This is checked here because another job, mask or connection may have come since the share was found.
        """
        current, job, header = self.job, share.source.job, share.header
        other_bits = (header.version ^ job.version) & ~self._mask
        if not current or share.source.interval is not current.interval or other_bits:
            self.on_event(ShareVerdict(share, "stale", "its job was gone before it was sent"))
            return b""
        if not header.meets(job.target):
            self.on_event(ShareVerdict(share, "rejected", "hashlib does not confirm it; it was not sent"))
            return b""
        mask = self._mask if self._wanted_mask else None
        number = next(self._ids)
        self._shares[number] = time.monotonic(), share
        params = submit_of(self._user, job, share.extranonce2, header, mask).params
        return messages.request(number, "mining.submit", params)

    @property
    def unanswered(self) -> int:
        """How many shares the pool has not answered yet."""
        return len(self._shares)

    @property
    def unanswered_s(self) -> float:
        """How long the pool has owed the answer to the oldest share, in seconds; 0 if it owes none."""
        return time.monotonic() - next(iter(self._shares.values()))[0] if self._shares else 0.0

    def end(self) -> None:
        """Report that the connection is closed: shares without an answer get none."""
        self.job = None
        for _, share in self._shares.values():
            self.on_event(ShareVerdict(share, "unanswered"))
        self._shares.clear()

    def _request(self, method: str, params: list[Any], on_answer: Callable[[Message], bytes]) -> bytes:
        number = next(self._ids)
        self._requests[number] = on_answer
        self.expected_line = f"answer to {method}"
        return messages.request(number, method, params)

    def _on_answer(self, message: Message) -> bytes:
        number = message.id
        if number in self._shares:
            self._on_share_answer(self._shares.pop(number)[1], message)  # type: ignore[arg-type]
        elif number in self._requests:
            return self._requests.pop(number)(message)  # type: ignore[arg-type]
        return b""

    def _on_share_answer(self, share: Share, message: Message) -> None:
        code, reason = decode_error(message.error)
        if not reason and decode(message.result) is True:
            self._rejections = 0
            self.on_event(ShareVerdict(share, "accepted"))
        elif code == ErrorCode.STALE or "stale" in reason.lower():
            self.on_event(ShareVerdict(share, "stale", reason))
        else:
            self._rejections += 1
            self.on_event(ShareVerdict(share, "rejected", reason or "no reason given"))
        if self._rejections == MAX_REJECTIONS:
            raise PoolError(f"{self.name} rejects our shares ({reason}); check --user")

    def _on_configured(self, message: Message) -> bytes:
        _, reason = decode_error(message.error)
        answer = decode(message.result, messages.Configured | bool | None)
        configured = answer if isinstance(answer, messages.Configured) else messages.Configured()
        self._mask = int(configured.mask, 16) & self._wanted_mask if configured.rolling is True else 0
        if not self._mask:
            if not reason and isinstance(configured.rolling, str):
                reason = printable_line(configured.rolling)
            detail = f" ({reason})" if reason else ""
            raise PoolError(f"{self.name} does not allow version rolling{detail}; leave out --roll-version")
        return self._subscribe()

    def _subscribe(self) -> bytes:
        return self._request("mining.subscribe", [_AGENT], self._on_subscribed)

    def _on_subscribed(self, message: Message) -> bytes:
        _, reason = decode_error(message.error)
        if reason:
            raise PoolError(f"{self.name} refuses the subscription ({reason}); check --pool")
        self._extranonce = decode(message.result, messages.Subscribed).extranonce
        return self._request("mining.authorize", [self._user, self._password], self._on_authorized)

    def _on_authorized(self, message: Message) -> bytes:
        _, reason = decode_error(message.error)
        if reason or decode(message.result) is not True:
            detail = f" ({reason})" if reason else ""
            user = printable_line(self._user)
            raise PoolError(
                f"{self.name} does not accept user {user}{detail}; check --user and {POOL_PASSWORD_VARIABLE}"
            )
        self._authorized = True
        self._renew(CleanInterval())
        line = self._request("mining.extranonce.subscribe", [], lambda _: b"")  # pools that refuse it do no harm
        self.expected_line = "job"
        return line

    def _on_notify(self, message: Message) -> bytes:
        self._notify = notify = decode(message.params, Notify)
        old = self.job
        same_interval = old and not notify.clean and notify.job_id != old.job.id and not self._next_extranonce
        if self._next_extranonce:
            self._extranonce, self._next_extranonce = self._next_extranonce, None
        self._renew(old.interval if old and same_interval else CleanInterval())
        return b""

    def _renew(self, interval: CleanInterval) -> None:
        """Make the pool's latest job the one to search, unless it is the same as before."""
        if self._authorized and self._notify and self._extranonce:
            job = StratumJob.from_notify(self._notify, self._extranonce, self._target)
            if not self.job or self.job.job != job:
                self.job = PoolJob(job, interval, self._mask, self.name, time.monotonic())

    def _on_difficulty(self, message: Message) -> bytes:
        """Change the difficulty of the jobs to come.

        The first difficulty counts for the current job too, which had none.
        """
        self._target = target_of(decode(message.params, messages.Difficulty).value)
        if not self._target_is_known and self.job:
            self.job = replace(self.job, job=replace(self.job.job, target=self._target))
        self._target_is_known = True
        return b""

    def _on_extranonce(self, message: Message) -> bytes:
        self._next_extranonce = decode(message.params, Extranonce)
        return b""

    def _on_version_mask(self, message: Message) -> bytes:
        """Change the version mask, of the current job too (BIP 310)."""
        mask = int(decode(message.params, messages.VersionMask).mask, 16) & self._wanted_mask
        if mask != self._mask:
            self._mask = mask
            if self.job:
                self.job = replace(self.job, mask=mask)
        return b""

    def _on_reconnect(self, message: Message) -> bytes:
        self.reconnect = decode(message.params, Reconnect | None) or Reconnect()
        return b""

    def _on_show_message(self, message: Message) -> bytes:
        sentence = printable_line(decode(message.params, messages.ShowMessage).sentence)
        self._messages += 1
        if self._messages <= MAX_MESSAGES:
            self.on_event(f"{self.name} says: {sentence}")
        return b""

    def _on_get_version(self, message: Message) -> bytes:
        return messages.answer(message.id, _AGENT)

    def _on_ping(self, message: Message) -> bytes:
        return messages.answer(message.id, "pong")


_HANDLERS: dict[str, Callable[[PoolClient, Message], bytes]] = {
    "mining.notify": PoolClient._on_notify,
    "mining.set_difficulty": PoolClient._on_difficulty,
    "mining.set_extranonce": PoolClient._on_extranonce,
    "mining.set_version_mask": PoolClient._on_version_mask,
    "mining.ping": PoolClient._on_ping,
    "client.ping": PoolClient._on_ping,
    "client.reconnect": PoolClient._on_reconnect,
    "client.show_message": PoolClient._on_show_message,
    "client.get_version": PoolClient._on_get_version,
}
"""What a pool may send unasked. Other methods are ignored: pools have some of their own."""
