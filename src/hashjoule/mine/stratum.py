"""Stratum V1, the protocol of mining pools: lines of JSON in, jobs out; shares in, lines out. No sockets here.

The protocol has no standard. What is followed: the description in the Bitcoin wiki (Stratum mining protocol), BIP 310
for version rolling, and where both are silent what ckpool, the most used free pool server, does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from hashjoule import __version__
from hashjoule.errors import UnavailableError
from hashjoule.job import MAX_TARGET, Header, Hit, Job, nbits_to_target, sha256d
from hashjoule.mine.rpc import one_line
from hashjoule.mine.template import fold

T = TypeVar("T")

DIFFICULTY_1_TARGET = 0xFFFF << 208
"""The target of a share of difficulty 1, as pools count."""

MAX_LINE_BYTES = 1 << 20
"""No pool's line is longer: a job with thousands of payouts in its coinbase has some 100 kB."""

PASSWORD_VARIABLE = "HASHJOULE_POOL_PASSWORD"

_MAX_BRANCH = 32
_MAX_EXTRANONCE = 100
"""A coinbase script has no more bytes (consensus)."""

_MAX_MESSAGES = 20
"""So many of a pool's messages are shown per connection."""

_REJECTIONS = 20
"""After so many in a row there is no use in going on."""

_STALE_CODE = 21
_AGENT = f"hashjoule/{__version__}"

_Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]
_Word = Annotated[str, Meta(pattern="^[0-9a-fA-F]{1,8}$")]
_Extranonce = Annotated[str, Meta(pattern="^([0-9a-fA-F]{2})*$", max_length=2 * _MAX_EXTRANONCE)]
_ExtranonceSize = Annotated[int, Meta(ge=0, le=_MAX_EXTRANONCE)]


class PoolError(UnavailableError):
    """A pool cannot be worked at, for now or at all: the sentence says why."""


class _Message(Struct):
    """Any line: a request has a method, an answer has none."""

    id: int | str | float | None = None
    method: str | None = None
    params: Raw = Raw(b"[]")
    result: Raw = Raw(b"null")
    error: Raw = Raw(b"null")


class _Notify(Struct, frozen=True, array_like=True):
    job_id: Annotated[str, Meta(max_length=200)]
    prev_hash: _Hash
    coinbase_start: str
    coinbase_end: str
    branch: Annotated[list[_Hash], Meta(max_length=_MAX_BRANCH)]
    version: _Word
    nbits: _Word
    time: _Word
    clean: bool


class _Difficulty(Struct, array_like=True):
    value: float


class _SetExtranonce(Struct, array_like=True):
    extranonce1: _Extranonce
    extranonce2_size: _ExtranonceSize


class _Subscribed(Struct, array_like=True):
    subscriptions: Raw
    extranonce1: _Extranonce
    extranonce2_size: _ExtranonceSize


class _Mask(Struct, array_like=True):
    mask: _Word


class _Configured(Struct):
    rolling: bool | str = msgspec.field(name="version-rolling", default=False)
    mask: _Word = msgspec.field(name="version-rolling.mask", default="0")


class _Text(Struct, array_like=True):
    text: str


_decode = msgspec.json.decode
_decode_message = msgspec.json.Decoder(_Message).decode


class Reconnect(Struct, frozen=True, array_like=True):
    """Where a pool wants its miners: what is missing stays as it is."""

    host: str | None = None
    port: int | str | None = None
    wait_seconds: float | str | None = None


def target_of(difficulty: float) -> int:
    """The highest hash that is a share of this difficulty. Exact: a float is a fraction.

    Raises ValueError for a difficulty that is not above zero, or so high that only the hash 0 would do.
    """
    if not 0 < difficulty < float("inf"):
        raise ValueError(f"a difficulty of {difficulty}")
    target = int(DIFFICULTY_1_TARGET / Fraction(difficulty))
    if target == 0:
        raise ValueError(f"a difficulty of {difficulty}, which no hash meets")
    return min(target, MAX_TARGET)


def difficulty_of(target: int) -> float:
    """The difficulty of a target, or of a hash; infinite for 0."""
    return DIFFICULTY_1_TARGET / target if target else float("inf")


def swap_words(data: bytes) -> bytes:
    """The bytes of each 32-bit word in reverse: the order of the previous block's hash in a job."""
    return b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))


@dataclass(frozen=True)
class PoolJob:
    """What a pool wants searched: a job with the connection's extranonces, and the target of its shares."""

    id: str
    prev_hash: bytes
    coinbase_start: bytes
    """With extranonce1."""
    coinbase_end: bytes
    branch: tuple[bytes, ...]
    version: int
    nbits: int
    time: int
    extranonce2_size: int
    target: int

    def header(self, extranonce2: bytes, seconds: int = 0) -> Header:
        """The header to search, with the time moved on by so many seconds."""
        root = fold(sha256d(self.coinbase_start + extranonce2 + self.coinbase_end), self.branch)
        return Header(self.version, self.prev_hash, root, (self.time + seconds) % 2**32, self.nbits)


class Era:
    """As long as a pool takes shares of its earlier jobs too. A clean job begins another, and so does a connection."""


@dataclass(frozen=True)
class Work:
    """What is to be searched now."""

    job: PoolJob
    era: Era
    mask: int
    """Version bits that may be rolled; 0 for none."""
    pool: str
    received: float
    """When the job came, by the monotonic clock."""


@dataclass(frozen=True)
class Part:
    """A piece of a job's search: one extranonce2, some versions, all nonces."""

    work: Work
    extranonce2: bytes
    seconds: int
    """How far the job's time is moved on."""
    job: Job

    def share(self, hit: Hit) -> Share:
        """The hit as the pool wants it."""
        return Share(self.work, self.extranonce2, self.job.solved(hit))


@dataclass(frozen=True)
class Share:
    """A header that meets the target of its pool's job."""

    work: Work
    extranonce2: bytes
    header: Header

    @property
    def solves_block(self) -> bool:
        """Whether it meets the network's target too."""
        return self.header.meets(nbits_to_target(self.header.nbits))


@dataclass(frozen=True)
class Verdict:
    """What became of a share: accepted, rejected, stale (its job was gone) or unanswered."""

    share: Share
    fate: str
    reason: str | None = None


def parts(work: Work, versions: int, extranonces: Iterator[int]) -> Iterator[Part]:
    """The search of a job, without end: so many versions at a time, then the next extranonce2, then the next second.

    Extranonces are taken from the counter of all jobs, so that a job that comes twice is not searched twice. Only
    version bits that the job leaves at 0 are rolled: BIP 310 replaces bits, ckpool adds them, and for those both agree.
    """
    job, values = work.job, 256**work.job.extranonce2_size
    mask = work.mask & ~job.version
    for seconds in count():
        for _ in range(values):
            extranonce2 = (next(extranonces) % values).to_bytes(job.extranonce2_size, "big")
            header = job.header(extranonce2, seconds)
            for skip in range(0, 1 << mask.bit_count(), versions):
                rolled = Job.rolled(header, mask, versions, job.target, skip) if mask else Job.plain(header, job.target)
                yield Part(work, extranonce2, seconds, rolled)


class Session:
    """One conversation with a pool: lines come in by `receive`, which returns what is to be sent.

    `hear` is called with what the user should know, and with what became of each share.
    """

    def __init__(
        self,
        name: str,
        user: str,
        password: str,
        hear: Callable[[Verdict | str], None],
        mask: int = 0,
    ) -> None:
        self.name = name
        self.work: Work | None = None
        """What to search; None before the pool has accepted the user and sent a job."""
        self.waits_for = ""
        """What the pool has to say next, for the sentence about one that does not."""
        self.reconnect: Reconnect | None = None
        self._user, self._password, self.hear = user, password, hear
        self._wanted_mask, self._mask = mask, 0
        self._asked: dict[int, Callable[[_Message], bytes]] = {}
        self._shares: dict[int, tuple[float, Share]] = {}
        self._ids = count(1)
        self._extranonce: _SetExtranonce | None = None
        self._next_extranonce: _SetExtranonce | None = None
        self._notify: _Notify | None = None
        self._target, self._target_is_known = DIFFICULTY_1_TARGET, False
        self._authorized = False
        self._messages = self._rejections = 0

    def begin(self) -> bytes:
        """The first line. BIP 310's request comes before all others, and only if wanted: not all pools know it."""
        if not self._wanted_mask:
            return self._subscribe()
        wanted = {"version-rolling.mask": f"{self._wanted_mask:08x}", "version-rolling.min-bit-count": 1}
        return self._ask("mining.configure", [["version-rolling"], wanted], self._configured)

    def receive(self, line: bytes) -> bytes:
        """Takes a line and returns what to answer, often nothing.

        Raises PoolError for what no pool may say, and where the pool does not want us.
        """
        try:
            message = _decode_message(line)
            if message.method is None:
                return self._answered(message)
            handle = _HANDLERS.get(message.method)
            return handle(self, message) if handle else b""
        except (ValueError, RecursionError) as error:  # msgspec's errors and a wrong encoding are ValueErrors
            raise PoolError(f"{self.name} does not speak Stratum V1 ({one_line(str(error))}); check --pool") from None

    def submit(self, share: Share) -> bytes:
        """The line that hands in a share, or nothing if its job is gone or it no longer is one.

        Checked here because between the search and this line another job, mask or connection may have come.
        """
        work, header = self.work, share.header
        if not work or share.work.era is not work.era or (header.version ^ share.work.job.version) & ~self._mask:
            self.hear(Verdict(share, "stale", "its job was gone before it was sent"))
            return b""
        if not header.meets(share.work.job.target):
            self.hear(Verdict(share, "rejected", "hashlib does not confirm it; it was not sent"))
            return b""
        params = [self._user, share.work.job.id, share.extranonce2.hex(), f"{header.time:08x}", f"{header.nonce:08x}"]
        if self._wanted_mask:
            params.append(f"{header.version & self._mask:08x}")
        number = next(self._ids)
        self._shares[number] = time.monotonic(), share
        return _request(number, "mining.submit", params)

    @property
    def unanswered(self) -> int:
        """Shares that the pool has not answered yet."""
        return len(self._shares)

    @property
    def unanswered_seconds(self) -> float:
        """For how long the pool owes an answer to the oldest of them."""
        return time.monotonic() - next(iter(self._shares.values()))[0] if self._shares else 0.0

    def end(self) -> None:
        """Nothing comes any more."""
        self.work = None
        for _, share in self._shares.values():
            self.hear(Verdict(share, "unanswered"))
        self._shares.clear()

    def _ask(self, method: str, params: list[Any], handle: Callable[[_Message], bytes]) -> bytes:
        number = next(self._ids)
        self._asked[number] = handle
        self.waits_for = f"answer to {method}"
        return _request(number, method, params)

    def _answered(self, message: _Message) -> bytes:
        number = message.id
        if number in self._shares:
            self._judge(self._shares.pop(number)[1], message)  # type: ignore[arg-type]
        elif number in self._asked:
            return self._asked.pop(number)(message)  # type: ignore[arg-type]
        return b""

    def _judge(self, share: Share, message: _Message) -> None:
        code, reason = _fault(message.error)
        if not reason and _decode(message.result) is True:
            self._rejections = 0
            self.hear(Verdict(share, "accepted"))
        elif code == _STALE_CODE or "stale" in reason.lower():
            self.hear(Verdict(share, "stale", reason))
        else:
            self._rejections += 1
            self.hear(Verdict(share, "rejected", reason or "no reason given"))
        if self._rejections == _REJECTIONS:
            raise PoolError(f"{self.name} rejects our shares ({reason}); check --user")

    def _configured(self, message: _Message) -> bytes:
        _, reason = _fault(message.error)
        answer = _decode(message.result, type=_Configured | bool | None) or _Configured()
        if isinstance(answer, bool):
            answer = _Configured()
        self._mask = int(answer.mask, 16) & self._wanted_mask if answer.rolling is True else 0
        if not self._mask:
            reason = reason or (one_line(answer.rolling) if isinstance(answer.rolling, str) else "")
            why = f" ({reason})" if reason else ""
            raise PoolError(f"{self.name} does not allow version rolling{why}; leave out --roll-version")
        return self._subscribe()

    def _subscribe(self) -> bytes:
        return self._ask("mining.subscribe", [_AGENT], self._subscribed)

    def _subscribed(self, message: _Message) -> bytes:
        _, reason = _fault(message.error)
        if reason:
            raise PoolError(f"{self.name} does not serve us ({reason}); check --pool")
        answer = _decode(message.result, type=_Subscribed)
        self._extranonce = _SetExtranonce(answer.extranonce1, answer.extranonce2_size)
        return self._ask("mining.authorize", [self._user, self._password], self._authorization)

    def _authorization(self, message: _Message) -> bytes:
        _, reason = _fault(message.error)
        if reason or _decode(message.result) is not True:
            why = f" ({reason})" if reason else ""
            raise PoolError(
                f"{self.name} does not accept user {one_line(self._user)}{why}; check --user and {PASSWORD_VARIABLE}"
            )
        self._authorized = True
        self._renew(Era())
        line = self._ask("mining.extranonce.subscribe", [], lambda _: b"")  # some pools cannot, and need not
        self.waits_for = "job"
        return line

    def _on_notify(self, message: _Message) -> bytes:
        self._notify = notify = _decode(message.params, type=_Notify)
        old = self.work
        same_era = old and not notify.clean and notify.job_id != old.job.id and not self._next_extranonce
        if self._next_extranonce:
            self._extranonce, self._next_extranonce = self._next_extranonce, None
        return self._renew(old.era if old and same_era else Era())

    def _renew(self, era: Era) -> bytes:
        """Makes the latest job the work, unless it is the same as before."""
        if self._authorized and self._notify and self._extranonce:
            job = _pool_job(self._notify, self._extranonce, self._target)
            if not self.work or self.work.job != job:
                self.work = Work(job, era, self._mask, self.name, time.monotonic())
        return b""

    def _on_difficulty(self, message: _Message) -> bytes:
        """For the jobs to come; the first one for the job that came before it too, which had none."""
        self._target = target_of(_decode(message.params, type=_Difficulty).value)
        if not self._target_is_known and self.work:
            self.work = replace(self.work, job=replace(self.work.job, target=self._target))
        self._target_is_known = True
        return b""

    def _on_extranonce(self, message: _Message) -> bytes:
        self._next_extranonce = _decode(message.params, type=_SetExtranonce)
        return b""

    def _on_mask(self, message: _Message) -> bytes:
        """At once, unlike all else (BIP 310)."""
        mask = int(_decode(message.params, type=_Mask).mask, 16) & self._wanted_mask
        if mask != self._mask:
            self._mask = mask
            if self.work:
                self.work = replace(self.work, mask=mask)
        return b""

    def _on_reconnect(self, message: _Message) -> bytes:
        self.reconnect = _decode(message.params, type=Reconnect | None) or Reconnect()
        return b""

    def _on_message(self, message: _Message) -> bytes:
        text = one_line(_decode(message.params, type=_Text).text)
        self._messages += 1
        if self._messages <= _MAX_MESSAGES:
            self.hear(f"{self.name} says: {text}")
        return b""

    def _on_version(self, message: _Message) -> bytes:
        return _reply(message.id, _AGENT)

    def _on_ping(self, message: _Message) -> bytes:
        return _reply(message.id, "pong")


_HANDLERS: dict[str, Callable[[Session, _Message], bytes]] = {
    "mining.notify": Session._on_notify,
    "mining.set_difficulty": Session._on_difficulty,
    "mining.set_extranonce": Session._on_extranonce,
    "mining.set_version_mask": Session._on_mask,
    "mining.ping": Session._on_ping,
    "client.ping": Session._on_ping,
    "client.reconnect": Session._on_reconnect,
    "client.show_message": Session._on_message,
    "client.get_version": Session._on_version,
}
"""What a pool may say unasked. Anything else is passed over: pools have methods of their own."""


def _pool_job(notify: _Notify, extranonce: _SetExtranonce, target: int) -> PoolJob:
    """The job; ValueError where it is none."""
    nbits = int(notify.nbits, 16)
    nbits_to_target(nbits)
    return PoolJob(
        id=notify.job_id,
        prev_hash=swap_words(bytes.fromhex(notify.prev_hash)),
        coinbase_start=bytes.fromhex(notify.coinbase_start + extranonce.extranonce1),
        coinbase_end=bytes.fromhex(notify.coinbase_end),
        branch=tuple(bytes.fromhex(other) for other in notify.branch),
        version=int(notify.version, 16),
        nbits=nbits,
        time=int(notify.time, 16),
        extranonce2_size=extranonce.extranonce2_size,
        target=target,
    )


def _fault(raw: Raw) -> tuple[int | None, str]:
    """Code and words of an answer's error, which is a list, an object or a text; no words if there is none."""
    error = _decode(raw)
    if not error:
        return None, ""
    if isinstance(error, dict):
        error = [error.get("code"), error.get("message")]
    if isinstance(error, list):
        code = error[0] if error and isinstance(error[0], int) else None
        return code, one_line(str(error[1])) if len(error) > 1 and error[1] else f"error {code}"
    return None, one_line(str(error)) or "an error without words"


def _request(number: int, method: str, params: list[Any]) -> bytes:
    return msgspec.json.encode({"id": number, "method": method, "params": params}) + b"\n"


def _reply(number: int | str | float | None, result: str) -> bytes:
    return msgspec.json.encode({"id": number, "result": result, "error": None}) + b"\n"
