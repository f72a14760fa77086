"""One miner's connection as a conversation: a line comes in, lines go out. No sockets, no clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from msgspec import to_builtins

from hashjoule import __version__
from hashjoule.errors import printable_line
from hashjoule.gauge.account import Fault
from hashjoule.gauge.channel import Channel
from hashjoule.gauge.work import new_notify
from hashjoule.job import BIP320_MASK
from hashjoule.stratum.jobs import StratumJob
from hashjoule.stratum.messages import (
    Authorize,
    Configure,
    Configured,
    Difficulty,
    ErrorCode,
    Extranonce,
    Message,
    Submit,
    Subscribe,
    Subscribed,
    answer,
    decode,
    decode_message,
    error_answer,
    notification,
)
from hashjoule.stratum.shares import ShareError, check_share

if TYPE_CHECKING:
    from hashjoule.gauge.roster import Roster

EXTRANONCE2_BYTES, SHORT_EXTRANONCE2_BYTES = 8, 4

MOST_REQUESTS = 200
"""Requests that bring no share which one connection may make, and one a second more: an honest miner makes six, and
pings now and then."""

MOST_WORTHLESS = 1000
"""Shares in a row that do not count, after which a connection is closed."""

_CODES: dict[Fault, ErrorCode] = {
    "above target": ErrorCode.LOW_DIFFICULTY,
    "duplicate": ErrorCode.DUPLICATE,
    "stale": ErrorCode.STALE,
    "unknown job": ErrorCode.STALE,
}
_FAULTS: tuple[Fault, ...] = get_args(Fault)


class HangUpError(Exception):
    """The connection is of no use and must be closed; the text says why."""


class Session:
    """The server's side of one connection."""

    def __init__(
        self, roster: Roster, host: str, extranonce1: bytes, send: Callable[[bytes], None], now_s: float
    ) -> None:
        self.host, self.agent, self.worker = host, "", ""
        self.began_s = now_s
        self.channel: Channel | None = None
        """Set once the miner has subscribed and said its name."""
        self.close: Callable[[str], None] = lambda reason: None
        """Closes the connection, with the reason for the user; set by whoever holds the socket."""
        self.extranonce2_bytes = EXTRANONCE2_BYTES
        self._roster, self._extranonce1, self._send = roster, extranonce1, send
        self._subscribed = False
        self._mask: int = 0
        self._requests = self._worthless = 0
        self._told_difficulty: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells its miner from others: host, agent and worker."""
        return self.host, self.agent, self.worker

    @property
    def has_shares(self) -> bool:
        """Whether this connection has brought a share that was right."""
        return self.channel is not None and self.channel.shares > 0

    def receive(self, line: bytes, now_s: float) -> None:
        """Take in a line and send what answers it.

        Raises:
            HangUpError: The line is no request, or the connection has asked for too much.
        """
        try:
            message = decode_message(line)
        except ValueError:
            raise HangUpError("sent a line that is not Stratum V1") from None
        if message.method == "mining.submit":
            self._submit(message, now_s)
        elif message.method is not None:
            self._request(message, now_s)

    def hand_out(self, now_s: float, *, clean: bool) -> None:
        """Send a new job, after its difficulty if that has changed."""
        channel = self.channel
        if not channel:
            return
        extranonce = Extranonce(self._extranonce1.hex(), self.extranonce2_bytes)
        size = len(self._extranonce1) + self.extranonce2_bytes
        notify = new_notify(channel.book.next_id(), size, int(time.time()), clean=clean)
        handed = channel.hand_out(StratumJob.from_notify(notify, extranonce, channel.target), now_s, clean=clean)
        lines = notification("mining.notify", notify)
        if handed.difficulty != self._told_difficulty:
            lines = notification("mining.set_difficulty", Difficulty(handed.difficulty)) + lines
            self._told_difficulty = handed.difficulty
        self._send(lines)

    def _request(self, message: Message, now_s: float) -> None:
        self._note_request(now_s)
        handle = _HANDLERS.get(message.method or "")
        if handle is None:
            self._send(
                error_answer(message.id, ErrorCode.OTHER, f"unknown method {printable_line(message.method or '')}")
            )
            return
        try:
            handle(self, message, now_s)
        except ValueError:
            self._send(error_answer(message.id, ErrorCode.OTHER, "malformed parameters"))

    def _configure(self, message: Message, now_s: float) -> None:
        """Agree to version rolling, and say of every other extension whether it is known (BIP 310)."""
        wanted = decode(message.params, Configure)
        agreed: dict[str, Any] = {name: name == "subscribe-extranonce" for name in wanted.extensions}
        if "version-rolling" in wanted.extensions:
            self._mask = int(wanted.options.mask, 16) & BIP320_MASK
            agreed |= to_builtins(Configured(True, f"{self._mask:08x}"))
        self._send(answer(message.id, agreed))

    def _subscribe(self, message: Message, now_s: float) -> None:
        agent = printable_line(decode(message.params, Subscribe).agent or "")
        self.agent = self.agent if self.channel else agent  # a miner keeps the name under which it is counted
        self._subscribed = True
        if (self.host, self.agent) in self._roster.short_of_room:
            self.extranonce2_bytes = SHORT_EXTRANONCE2_BYTES
        subscriptions = [["mining.set_difficulty", "1"], ["mining.notify", "1"]]
        extranonce1 = self._extranonce1.hex()
        self._send(answer(message.id, Subscribed(subscriptions, extranonce1, self.extranonce2_bytes)))

    def _authorize(self, message: Message, now_s: float) -> None:
        user = printable_line(decode(message.params, Authorize).user)
        if not self._subscribed:
            self._send(error_answer(message.id, ErrorCode.NOT_SUBSCRIBED, "subscribe first"))
        elif self.channel:  # a proxy's further workers: their shares belong to the first
            self._send(answer(message.id, True))
        else:
            self.worker = user
            self.channel = self._roster.join(self, now_s)
            if not self.channel:
                raise HangUpError("came when there was no room for another miner")
            self._send(answer(message.id, True))
            self.hand_out(now_s, clean=True)

    def _agree(self, message: Message, now_s: float) -> None:
        """Answer what needs no more than an answer: the difficulty is found by shares, whatever a miner suggests."""
        self._send(answer(message.id, True))

    def _version(self, message: Message, now_s: float) -> None:
        self._send(answer(message.id, f"hashjoule/{__version__}"))

    def _ping(self, message: Message, now_s: float) -> None:
        self._send(answer(message.id, "pong"))

    def _submit(self, message: Message, now_s: float) -> None:
        channel = self.channel
        if not channel:
            self._note_request(now_s)
            self._send(error_answer(message.id, ErrorCode.UNAUTHORIZED, "authorize first"))
            return
        fault = self._judge(channel, message, now_s)
        if fault is None:
            self._worthless = 0
            self._send(answer(message.id, True))
            return
        channel.account.reject(fault)
        self._worthless += 1
        self._send(error_answer(message.id, _CODES.get(fault, ErrorCode.OTHER), fault))
        if self._worthless >= MOST_WORTHLESS:
            raise HangUpError(f"submitted {MOST_WORTHLESS:,} shares in a row that do not count")

    def _judge(self, channel: Channel, message: Message, now_s: float) -> Fault | None:
        """Credit a share; return why it does not count, or None if it does."""
        try:
            submit = decode(message.params, Submit)
        except ValueError:
            return "malformed"
        handed = channel.find(submit.job_id, now_s)
        if isinstance(handed, str):
            return handed
        try:
            header = check_share(handed.job, submit, self._mask)
        except ShareError as error:
            self._give_less_extranonce(submit)
            if error.code == ErrorCode.LOW_DIFFICULTY:
                return "above target"
            return next((fault for fault in _FAULTS if fault == str(error)), "malformed")
        value = int.from_bytes(header.hash(), "little")
        if not handed.is_new(value):
            return "duplicate"
        if not self._roster.ends_with_share(channel, handed, now_s):
            channel.credit(handed, value, now_s)
            channel.rolled |= header.version != handed.job.version
        return None

    def _give_less_extranonce(self, submit: Submit) -> None:
        """Close the connection of a miner whose firmware has room for four bytes only; it gets four at its next one."""
        if self.extranonce2_bytes == EXTRANONCE2_BYTES and len(submit.extranonce2) == 2 * SHORT_EXTRANONCE2_BYTES:
            self._roster.short_of_room.add((self.host, self.agent))
            raise HangUpError("has no room for eight bytes of extranonce2, and gets four when it connects again")

    def _note_request(self, now_s: float) -> None:
        self._requests += 1
        if self._requests > MOST_REQUESTS + (now_s - self.began_s):
            raise HangUpError("made too many requests that bring no share")


_HANDLERS: dict[str, Callable[[Session, Message, float], None]] = {
    "mining.configure": Session._configure,
    "mining.subscribe": Session._subscribe,
    "mining.authorize": Session._authorize,
    "mining.suggest_difficulty": Session._agree,
    "mining.suggest_target": Session._agree,
    "mining.extranonce.subscribe": Session._agree,
    "mining.ping": Session._ping,
    "client.get_version": Session._version,
}
