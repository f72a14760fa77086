"""Benchmarks run by thread CPU time: other work on the machine counts little."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Sets pytest-benchmark's timer, which it offers as a command-line option only."""
    config.option.benchmark_timer = "time.thread_time"
