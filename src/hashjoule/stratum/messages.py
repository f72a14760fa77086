"""The lines of JSON that miners and pools exchange: what both sides read and write, with types that are checked.

`decode_message` reads any line. Parameters and results stay raw until `decode` reads them as the type that their
method calls for, so that a malformed field is found before anything uses it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, TypeVar, overload

import msgspec
from msgspec import Meta, Raw, Struct

from hashjoule.errors import printable_line

T = TypeVar("T")

MAX_BRANCH = 32
"""Longest merkle branch that is accepted. A full block has under 17,000 transactions (of 240 weight units at least),
so a branch of 15 hashes."""

MAX_EXTRANONCE_BYTES = 100
"""A coinbase script has at most 100 bytes (consensus), so no part of it is longer."""

Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]
Word = Annotated[str, Meta(pattern="^[0-9a-fA-F]{1,8}$")]
JobId = Annotated[str, Meta(max_length=200)]
ExtranonceHex = Annotated[str, Meta(pattern="^([0-9a-fA-F]{2})*$", max_length=2 * MAX_EXTRANONCE_BYTES)]
ExtranonceSize = Annotated[int, Meta(ge=0, le=MAX_EXTRANONCE_BYTES)]

MessageId = int | str | float | None


class ErrorCode(IntEnum):
    """Codes of errors in answers (Bitcoin wiki, "Stratum mining protocol")."""

    OTHER = 20
    STALE = 21
    DUPLICATE = 22
    LOW_DIFFICULTY = 23
    UNAUTHORIZED = 24
    NOT_SUBSCRIBED = 25


class Message(Struct):
    """Any line. A request or notification has a method, an answer has none; a notification's id is null."""

    id: MessageId = None
    method: str | None = None
    params: Raw = Raw(b"[]")
    result: Raw = Raw(b"null")
    error: Raw = Raw(b"null")


class Extranonce(Struct, frozen=True, array_like=True):
    """The pool's part of the coinbase, in hex, and the size in bytes of the miner's part (mining.set_extranonce)."""

    extranonce1: ExtranonceHex
    extranonce2_size: ExtranonceSize


class Subscribed(Struct, frozen=True, array_like=True):
    """The result of mining.subscribe."""

    subscriptions: Any
    extranonce1: ExtranonceHex
    extranonce2_size: ExtranonceSize

    @property
    def extranonce(self) -> Extranonce:
        """The two fields that matter to a miner."""
        return Extranonce(self.extranonce1, self.extranonce2_size)


class Notify(Struct, frozen=True, array_like=True):
    """The parameters of mining.notify: a job, as the pool sends it to all its miners."""

    job_id: JobId
    prev_hash: Hash
    """With the bytes of each 32-bit word reversed."""
    coinbase_start: str
    """In hex, like the end; both are checked when the job is made, since they can be long."""
    coinbase_end: str
    branch: Annotated[list[Hash], Meta(max_length=MAX_BRANCH)]
    version: Word
    nbits: Word
    time: Word
    clean: bool
    """Whether shares of all earlier jobs are stale from now on."""


class Difficulty(Struct, frozen=True, array_like=True):
    """The parameters of mining.set_difficulty and mining.suggest_difficulty."""

    value: float


class VersionMask(Struct, frozen=True, array_like=True):
    """The parameters of mining.set_version_mask (BIP 310)."""

    mask: Word


class VersionRolling(Struct, frozen=True):
    """Options of the extension version-rolling (BIP 310): the bits that a miner can roll, and how many it needs."""

    mask: Word = msgspec.field(name="version-rolling.mask", default="ffffffff")
    min_bit_count: int = msgspec.field(name="version-rolling.min-bit-count", default=0)


class Configure(Struct, frozen=True, array_like=True):
    """The parameters of mining.configure (BIP 310); other extensions than version rolling are ignored."""

    extensions: list[str]
    options: VersionRolling = VersionRolling()


class Configured(Struct, frozen=True):
    """The result of mining.configure: whether the pool allows version rolling, or why not, and of which bits."""

    rolling: bool | str = msgspec.field(name="version-rolling", default=False)
    mask: Word = msgspec.field(name="version-rolling.mask", default="0")


class Subscribe(Struct, frozen=True, array_like=True):
    """The parameters of mining.subscribe; a miner may leave out its name."""

    agent: str | None = None


class Authorize(Struct, frozen=True, array_like=True):
    """The parameters of mining.authorize."""

    user: str
    password: str | None = None


class Submit(Struct, frozen=True, array_like=True):
    """The parameters of mining.submit: a share."""

    user: str
    job_id: JobId
    extranonce2: ExtranonceHex
    time: Word
    nonce: Word
    version_bits: Word | None = None
    """The bits of the version inside the mask (BIP 310); None where version rolling was not configured."""

    @property
    def params(self) -> list[str]:
        """The parameters as they are sent: version bits are left out, not null, without version rolling."""
        required = [self.user, self.job_id, self.extranonce2, self.time, self.nonce]
        return required if self.version_bits is None else [*required, self.version_bits]


class Reconnect(Struct, frozen=True, array_like=True):
    """The parameters of client.reconnect: where a pool wants its miners; what is missing stays as it is."""

    host: str | None = None
    port: int | str | None = None
    wait_seconds: float | str | None = None


class ShowMessage(Struct, frozen=True, array_like=True):
    """The parameters of client.show_message."""

    sentence: str


_message_decoder = msgspec.json.Decoder(Message)


def decode_message(line: bytes) -> Message:
    """Read one line.

    Raises:
        ValueError: The line is not a Stratum message.
    """
    try:
        return _message_decoder.decode(line)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


@overload
def decode(raw: bytes | Raw, kind: type[T]) -> T: ...
@overload
def decode(raw: bytes | Raw, kind: Any = ...) -> Any: ...
def decode(raw: bytes | Raw, kind: Any = Any) -> Any:
    """Read parameters or a result as the given type, or as any JSON.

    Raises:
        ValueError: They are not of that type.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def decode_error(raw: bytes | Raw) -> tuple[int | None, str]:
    """Return the code and the words of an answer's error; the words are empty if there is no error.

    Pools send a list of code, words and more, an object with `code` and `message`, or a string.

    Raises:
        ValueError: It is not JSON.
    """
    error = decode(raw)
    if not error:
        return None, ""
    if isinstance(error, dict):
        error = [error.get("code"), error.get("message")]
    if isinstance(error, list):
        code = error[0] if error and isinstance(error[0], int) else None
        return code, printable_line(str(error[1])) if len(error) > 1 and error[1] else f"error {code}"
    return None, printable_line(str(error)) or "an error without words"


def request(number: int, method: str, params: Any) -> bytes:
    """Return the line of a request. `params` is a list or one of the types above."""
    return _line({"id": number, "method": method, "params": params})


def notification(method: str, params: Any) -> bytes:
    """Return the line of a notification, which nobody answers."""
    return _line({"id": None, "method": method, "params": params})


def answer(number: MessageId, result: Any) -> bytes:
    """Return the line that answers a request."""
    return _line({"id": number, "result": result, "error": None})


def error_answer(number: MessageId, code: ErrorCode, words: str) -> bytes:
    """Return the line that refuses a request."""
    return _line({"id": number, "result": None, "error": [int(code), words, None]})


def _line(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
