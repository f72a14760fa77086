"""What all tests share: a profile for hypothesis, and programs that must exist in CI."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from hashjoule import cli

settings.register_profile(
    "hashjoule", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hashjoule")

# A shell lets what it starts in the background ignore Ctrl-C, and children inherit that: the tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


CommandLine = Callable[..., tuple[int, str, str]]
"""Runs the command line in this process: exit code, stdout, stderr."""


@pytest.fixture
def hashjoule(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Return the command line as a function of its arguments."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def system_tool(name: str, package: str) -> str:
    """Return the path of a program; if it is missing, skip the test and name the package, or fail in CI."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed; on Debian: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(f"CI must have it: {reason}")
        pytest.skip(reason)
    return path
