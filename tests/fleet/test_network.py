"""Workers in network namespaces with addresses of their own, and a link that goes down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import system_tool
from tests.fleet.cluster import Cluster, outcome, until
from tests.fleet.test_grind import FAST, RANGE, UNSOLVED, times_searched

NEAR, FAR = "10.203.77.1", "10.203.77.2"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")


@pytest.fixture
def far_apart(tmp_path: Path) -> Iterator[tuple[Cluster, str]]:
    """Start a cluster with one worker beside the scheduler and one in another namespace; yield both names."""
    ip = system_tool("ip", "iproute2")
    here, there = f"hj{os.getpid()}a", f"hj{os.getpid()}b"
    for name in (here, there):
        made = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True)
        if made.returncode:
            end = pytest.fail if os.environ.get("CI") else pytest.skip
            end(f"network namespaces need root: {made.stderr.strip()}")
    cluster = Cluster(tmp_path, NEAR, ("ip", "netns", "exec", here))
    try:
        for command in (
            f"-n {here} link set lo up",
            f"-n {there} link set lo up",
            f"-n {here} link add near type veth peer name far netns {there}",
            f"-n {here} addr add {NEAR}/24 dev near",
            f"-n {there} addr add {FAR}/24 dev far",
            f"-n {here} link set near up",
            f"-n {there} link set far up",
        ):
            subprocess.run([ip, *command.split()], check=True)
        cluster.start_scheduler()
        cluster.start_workers(1, host=NEAR)
        cluster.start_workers(1, host=FAR, inside=("ip", "netns", "exec", there))
        yield cluster, there
    finally:
        cluster.end()
        for name in (here, there):
            subprocess.run([ip, "netns", "del", name], check=True)


def test_far_workers(far_apart: tuple[Cluster, str]) -> None:
    """One machine with two addresses is measured once; a worker behind a broken link is overdue, without a loss."""
    cluster, there = far_apart
    short = ["--backend", "c:portable", "--mode", "plain", "--seconds", "0.05", "--threads", "1"]
    code, out, err = outcome(cluster.call("bench", *short))
    assert code == 0, err
    assert "from 1 of 1 host." in out
    process = cluster.call("grind", UNSOLVED, "--backend", "lazy", "--count", str(32 * RANGE), grind=FAST)
    until(lambda: len({pid for pid, *_ in cluster.scanned()}) == 2, what="a search on each worker")
    subprocess.run(["ip", "-n", there, "link", "set", "far", "down"], check=True)
    code, out, err = outcome(process)
    assert (code, out) == (1, ""), err
    assert f"worker tcp://{FAR}:" in err
    assert f"searched {32 * RANGE:,} of {32 * RANGE:,} hashes" in err
    assert times_searched(cluster, 0, 32 * RANGE)[0] == 0
