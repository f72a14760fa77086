"""The errors that users meet. Each is one sentence that says what to do; the command line maps them to exit codes."""


class HashjouleError(Exception):
    """Base of all errors that are shown to users as one sentence, without a traceback."""

    exit_code = 1


class UsageError(HashjouleError, ValueError):
    """Bad input: a malformed value, an impossible range, an unknown name (exit code 2)."""

    exit_code = 2


class UnavailableError(HashjouleError):
    """A node, device or backend that was asked for cannot be reached or used (exit code 3)."""

    exit_code = 3
