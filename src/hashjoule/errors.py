"""The errors that users meet: each is one sentence that says what to do, with the exit code of the command line."""


class HashjouleError(Exception):
    """Base of all errors that are shown to users as one sentence, without a traceback."""

    exit_code = 1


class UsageError(HashjouleError, ValueError):
    """Bad input: a malformed value, an impossible range, an unknown name (exit code 2)."""

    exit_code = 2


class UnavailableError(HashjouleError):
    """A node, pool, meter, device or backend cannot be reached or used (exit code 3)."""

    exit_code = 3
