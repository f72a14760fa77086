"""`hashjoule mine --pool` as users meet it: output, sentences, exit codes and signals, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from harness.bitcoind import free_port
from harness.pool import TestPool, running
from hashjoule.cli import run as run_command
from hashjoule.job import Header
from tests.integration.test_mine_command import (
    END_SECONDS,
    MOMENTS_SECONDS,
    SLACK_SECONDS,
    Process,
    interrupted,
    mine,
    sentence,
)


@pytest.fixture
def pool() -> Iterator[TestPool]:
    """Run a pool."""
    with running(TestPool(difficulty=1e-5)) as pool:
        yield pool


def at(pool: TestPool, *arguments: str) -> list[str]:
    """Return the options that lead to a pool."""
    return ["--pool", f"stratum+tcp://127.0.0.1:{pool.port}", "--user", "alice", *arguments]


def test_one_line_of_json_for_each_share(pool: TestPool) -> None:
    """Stdout has nothing else; stderr has the rest, without colours or a live line."""
    done = mine(*at(pool, "--shares", "3", "--json"))
    assert done.returncode == 0, done.stderr
    shares = [json.loads(line) for line in done.stdout.splitlines()]
    fates = Counter(share["fate"] for share in shares)
    assert fates["accepted"] >= 3
    assert {share["pool"] for share in shares} == {f"127.0.0.1:{pool.port}"}
    assert all(share["difficulty"] == pytest.approx(1e-5) for share in shares)
    assert all(share["share_difficulty"] >= share["difficulty"] for share in shares)
    assert not any(share["block"] for share in shares)
    assert done.stderr.startswith(f"mining at 127.0.0.1:{pool.port}\n")
    counts = f"{fates['accepted']} accepted, 0 rejected, 0 stale, {fates['unanswered']} unanswered\n0 hardware errors"
    assert counts in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


def test_plain_lines_say_what_became_of_a_share() -> None:
    """They include the pool's reason, and whether the share is a block."""
    with running(TestPool(nbits=0x207FFFFF)) as pool:
        answers = iter([[23, "too easy", None]])
        submit = pool._mining_submit
        pool.replies["mining.submit"] = lambda client, message: (
            client.answer(message, None, error) if (error := next(answers, None)) else submit(client, message)
        )
        done = mine(*at(pool, "--shares", "2", "--roll-version", "--threads", "1"))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("rejected ")
    assert first.endswith(" (too easy)")
    assert second.startswith("accepted ")
    assert second.endswith(" block found")
    assert "1 rejected (too easy: 1)" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_summary(pool: TestPool, number: int) -> None:
    """The exit code is 130, the end is soon, and every share is counted."""
    process = Process(*at(pool))
    pool.wait_for_shares(5)
    code, error, seconds = process.end(number)
    assert code == 130, error
    accepted, unanswered = (int(re.findall(rf"(\d+) {fate}", error)[-1]) for fate in ("accepted", "unanswered"))
    assert 5 <= accepted <= len(pool.good) <= accepted + unanswered
    assert "Traceback" not in error
    assert seconds < END_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("seconds", MOMENTS_SECONDS)
def test_ctrl_c_at_any_moment(pool: TestPool, seconds: float) -> None:
    """Whether the command is starting, searching or submitting: accepted shares are the pool's shares."""
    shares = interrupted(seconds, "SIGINT", *at(pool))
    accepted = {share["hash"] for share in shares if share["fate"] == "accepted"}
    assert accepted <= {Header.parse(share.header).hash()[::-1].hex() for share in pool.good}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_wait_for_a_silent_pool(pool: TestPool, number: int) -> None:
    """Neither the pool's silence nor unanswered shares delay the end."""
    process = Process(*at(pool))
    pool.wait_for_shares(1)
    pool.replies["mining.submit"] = lambda client, message: None
    pool.replies["mining.subscribe"] = lambda client, message: None
    pool.clients[0].hang_up()
    pool.wait(lambda: pool.connections == 2)
    code, error, seconds = process.end(number)
    assert code == 130, error
    assert "Traceback" not in error
    assert seconds < END_SECONDS + SLACK_SECONDS


def test_the_password_is_sent_and_never_shown() -> None:
    """It is not shown even when it is wrong."""
    secret = {**os.environ, "HASHJOULE_POOL_PASSWORD": "0123secret"}
    with running(TestPool(users={"alice": "0123secret"})) as pool:
        done = mine(*at(pool, "--shares", "1"), env=secret)
        assert done.returncode == 0, done.stderr
        assert "0123secret" not in done.stdout + done.stderr
        pool.users = {"alice": "another"}
        done = mine(*at(pool), env=secret)
        assert "does not accept user alice; check --user and HASHJOULE_POOL_PASSWORD" in sentence(done, 3)
        assert "0123secret" not in done.stderr


def test_what_is_wrong_at_first_contact_is_said_at_once() -> None:
    """The command prints one sentence and nothing else."""
    port = free_port()
    done = mine("--pool", f"stratum+tcp://127.0.0.1:{port}", "--user", "alice")
    assert sentence(done, 3) == f"hashjoule: nothing listens at 127.0.0.1:{port}; check --pool."
    assert len(done.stderr.splitlines()) == 1
    with running(TestPool(allowed_mask=0)) as pool:
        done = mine(*at(pool, "--roll-version"))
    assert "does not allow version rolling; leave out --roll-version" in sentence(done, 3)
    assert len(done.stderr.splitlines()) == 1


POOL = ["--pool", "stratum+tcp://pool.example:3333"]
ONLY_NODE = "--pool mines what the pool hands out; leave out"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*POOL], "give --user, your pool account or payout address"),
        (
            ["--pool", "stratum+tcp://u:0123secret@pool.example:3333", "--user", "a"],
            "must hold no user and no password",
        ),
        (["--pool", "http://pool.example:3333", "--user", "a"], "--pool must look like stratum+tcp://"),
        ([*POOL, "--user", "a", "--address", "x"], ONLY_NODE),
        ([*POOL, "--user", "a", "--blocks", "1"], ONLY_NODE),
        ([*POOL, "--user", "a", "--chain", "main"], ONLY_NODE),
        ([*POOL, "--user", "a", "--embedded", "x"], ONLY_NODE),
        ([*POOL, "--user", "a", "--rpc-url", "http://x:1"], ONLY_NODE),
        ([*POOL, "--user", "a", "--rpc-user", "x"], ONLY_NODE),
        ([*POOL, "--user", "a", "--datadir", "x"], ONLY_NODE),
        ([*POOL, "--user", "a", "--cookie", "x"], ONLY_NODE),
        (["--user", "a", "--address", "x"], "belong to --pool"),
        (["--shares", "1", "--address", "x"], "belong to --pool"),
        (["--follow-reconnect", "--address", "x"], "belong to --pool"),
        ([*POOL, "--user", "a", "--shares", "0"], "0 is not in the range"),
        ([*POOL, "--user", "a", "--backend", "nope"], "no backend 'nope'"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, and what may be a secret is not repeated."""
    assert run_command(["mine", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "0123secret" not in error


def test_a_live_line_fits_the_terminal(pool: TestPool) -> None:
    """A line that wraps could not be cleared."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": "60"}
    command = [*Process.COMMAND, *at(pool, "--shares", "3", "--threads", "1")]
    subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True, env=environment)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    *live, summary = [line for line in shown.split("\r\x1b[K") if "hardware" in line or "H/s" in line]
    assert live
    assert all(len(line.rstrip()) < 60 for line in live)
    assert "hardware errors in" in summary
