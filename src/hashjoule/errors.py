"""The errors that users meet: each is one sentence that says what to do, with the exit code of the command line.

Two helpers make the words of other programs and libraries fit for such a sentence.
"""

from __future__ import annotations

MAX_QUOTED_CHARACTERS = 200
"""Longest text of another program that an error repeats: two lines of a terminal."""


class HashjouleError(Exception):
    """Base of all errors that are shown to users as one sentence, without a traceback."""

    exit_code = 1


class UsageError(HashjouleError, ValueError):
    """Bad input: a malformed value, an impossible range, an unknown name (exit code 2)."""

    exit_code = 2


class UnavailableError(HashjouleError):
    """A node, pool, meter, device or backend cannot be reached or used (exit code 3)."""

    exit_code = 3


def printable_line(text: str) -> str:
    """Return another program's text as one short line without control characters, fit for an error message."""
    shortened = text[:MAX_QUOTED_CHARACTERS]
    return " ".join("".join(c if c.isprintable() else " " for c in shortened).split())


def describe_exception(error: BaseException) -> str:
    """Return the first line of an exception's message, or the exception's type if it has no message.

    An exception group is described by its first exception.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    lines = str(error).splitlines()
    return (printable_line(lines[0]) if lines else "") or type(error).__name__
