"""`hashjoule mine` as users meet it: output, sentences, exit codes and signals, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.bitcoind import ADDRESS, SIGNET_ADDRESS, BitcoinNode, forward, free_port, http_server, reply, running
from hashjoule.cli import run as run_command
from hashjoule.job import Header
from hashjoule.mine.bitcoind.node import Node
from hashjoule.mine.embedded import ANYONE_CAN_SPEND
from hashjoule.mine.template import CandidateBlock
from tests.mine.test_loop import MadeUpNode

END_SECONDS = 0.5
SLACK_SECONDS = 2.0
"""For a machine that does other things too: what is asserted is that no wait of seconds is in the way."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep pending blocks in a temporary directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoinNode]:
    """Run a regtest node."""
    with running(tmp_path_factory.mktemp("node")) as node:
        yield node


def mine(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "hashjoule", "mine", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def at(node: BitcoinNode, *arguments: str) -> list[str]:
    """Return the options that lead to a node."""
    return ["--rpc-url", node.url, "--datadir", str(node.datadir), *arguments]


def test_one_line_of_json_for_each_block(node: BitcoinNode) -> None:
    """Stdout has nothing else; stderr has the summary, without colours or a live line."""
    before = node.height
    done = mine(*at(node), "--address", ADDRESS, "--blocks", "3", "--json")
    assert done.returncode == 0, done.stderr
    blocks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [block["height"] for block in blocks] == [before + 1, before + 2, before + 3]
    assert [block["hash"] for block in blocks] == [node.call("getblockhash", before + i) for i in (1, 2, 3)]
    assert {block["fate"] for block in blocks} == {"active"}
    assert "3 blocks, 0 stale, 0 rejected, 0 hardware errors" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


def test_plain_lines_name_height_hash_and_fate(node: BitcoinNode) -> None:
    """Each block has one line."""
    done = mine(*at(node), "--address", ADDRESS, "--blocks", "2")
    assert done.stdout.split()[2::3] == ["active", "active"]
    assert done.stdout.split()[4] == node.call("getbestblockhash")


def test_an_embedded_chain_needs_neither_node_nor_address(tmp_path: Path) -> None:
    """One option is enough, and a second run continues the chain."""
    for height in (5, 10):
        done = mine("--embedded", str(tmp_path / "chain"), "--blocks", "5")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].split()[0] == str(height)


def sentence(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one sentence of a command that failed as expected."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_wrong_port_is_said(node: BitcoinNode) -> None:
    """The command fails at once."""
    url = f"http://127.0.0.1:{free_port()}"
    done = mine("--rpc-url", url, "--cookie", str(node.cookie), "--address", ADDRESS)
    assert f"nothing listens at {url}; start bitcoind" in sentence(done, 3)


def test_wrong_credentials_are_said_and_the_cookie_is_not(node: BitcoinNode, tmp_path: Path) -> None:
    """The command fails at once, for a cookie and for a user."""
    (tmp_path / "stale").write_text("__cookie__:0123secret")
    done = mine("--rpc-url", node.url, "--cookie", str(tmp_path / "stale"), "--address", ADDRESS)
    assert "does not accept the cookie" in sentence(done, 3)
    assert "0123secret" not in done.stderr
    env = {**os.environ, "HASHJOULE_RPC_PASSWORD": "0123secret"}
    done = mine("--rpc-url", node.url, "--rpc-user", "alice", "--address", ADDRESS, env=env)
    assert "does not accept user alice" in sentence(done, 3)
    assert "0123secret" not in done.stderr


def test_the_cookie_is_never_shown(node: BitcoinNode) -> None:
    """It is in neither output."""
    done = mine(*at(node), "--address", ADDRESS, "--blocks", "1", "--json")
    secret = node.cookie.read_text().partition(":")[2]
    assert secret not in done.stdout + done.stderr


def test_a_wrong_chain_is_said(node: BitcoinNode) -> None:
    """The sentence names the node's chain."""
    done = mine("--chain", "signet", "--rpc-url", node.url, "--cookie", str(node.cookie), "--address", SIGNET_ADDRESS)
    assert "is on regtest, not on signet; give --chain regtest" in sentence(done, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --address"),
        (["--address", SIGNET_ADDRESS], "is an address of testnet, not of regtest"),
        (["--address", "nonsense"], "is not an address"),
        (["--embedded", "x", "--chain", "signet"], "leave out --chain"),
        (["--address", ADDRESS, "--backend", "nope"], "no backend 'nope'"),
        (["--address", ADDRESS, "--rpc-url", "ftp://x"], "must look like http://"),
        (["--address", ADDRESS, "--rpc-user", "a", "--cookie", "b"], "not both"),
        (["--address", ADDRESS, "--blocks", "0"], "0 is not in the range"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2."""
    assert run_command(["mine", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_cookie_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence says where the cookie was expected and what to do."""
    assert run_command(["mine", "--address", ADDRESS, "--datadir", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert str(tmp_path / "regtest" / ".cookie") in error
    assert "start bitcoind" in error


class Process:
    """The command, running."""

    COMMAND = (sys.executable, "-m", "hashjoule", "mine")

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*self.COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def end(self, number: int) -> tuple[int, str, float]:
        """Send a signal; return the exit code, stderr, and how many seconds the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        try:
            _, error = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        return self.process.returncode, error, time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_summary(node: BitcoinNode, number: int) -> None:
    """The exit code is 130, the end is soon, and every block is counted."""
    before = node.height
    process = Process(*at(node), "--address", ADDRESS)
    deadline = time.monotonic() + 30
    while node.height < before + 20:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    code, error, seconds = process.end(number)
    assert code == 130, error
    assert f"{node.height - before} blocks, 0 stale" in error
    assert "Traceback" not in error
    assert seconds < END_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_wait_for_a_silent_node(tmp_path: Path, number: int) -> None:
    """The node stops answering during a search: neither its silence nor the search delays the end."""
    with running(tmp_path / "node", "signet", "-signetchallenge=51") as node:
        process = Process(*at(node), "--chain", "signet", "--address", SIGNET_ADDRESS)
        deadline = time.monotonic() + 30
        while node.height < 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        node.pause()
        time.sleep(0.5)
        code, error, seconds = process.end(number)
        node.resume()
    assert code == 130, error
    assert "Traceback" not in error
    assert seconds < END_SECONDS + SLACK_SECONDS


MOMENTS_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0)
INTERRUPTED = """
import os, signal, sys, threading
from hashjoule import cli
try:
    threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), getattr(signal, sys.argv[2]))).start()
    sys.exit(cli.run(["mine", *sys.argv[3:]]))
except KeyboardInterrupt:  # before the command began
    sys.exit(130)
"""


def interrupted(seconds: float, signal_name: str, *arguments: str) -> list[dict[str, Any]]:
    """Run the command with a signal after this time; return the blocks or shares that it reported."""
    command = [sys.executable, "-c", INTERRUPTED, str(seconds), signal_name, *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130, done.stderr
    assert not set(done.stderr.split()) & {"Traceback", "Exception"}, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("seconds", MOMENTS_SECONDS)
def test_ctrl_c_at_any_moment_on_a_node(node: BitcoinNode, state: Path, seconds: float) -> None:
    """Whether the command is starting, searching or submitting: every block on the chain was reported."""
    before = node.height
    blocks = interrupted(seconds, "SIGINT", *at(node), "--address", ADDRESS)
    expected = [node.call("getblockhash", height) for height in range(before + 1, node.height + 1)]
    assert [block["hash"] for block in blocks] == expected
    assert list(state.glob("**/*.block")) == []


@pytest.mark.parametrize("seconds", MOMENTS_SECONDS)
def test_ctrl_c_at_any_moment_on_an_embedded_chain(tmp_path: Path, seconds: float) -> None:
    """The chain continues where the report ended, even if it was just being opened."""
    arguments = ["--embedded", str(tmp_path / "chain")]
    blocks = interrupted(seconds, "SIGINT", *arguments)
    assert [block["height"] for block in blocks] == list(range(1, len(blocks) + 1))
    done = mine(*arguments, "--blocks", "1", "--json")
    assert json.loads(done.stdout)["height"] == len(blocks) + 1


def test_a_reader_that_leaves_ends_the_run(tmp_path: Path) -> None:
    """`| head -1` causes no traceback, and the block that could not be printed is counted."""
    command = f"exec {sys.executable} -m hashjoule mine --embedded {tmp_path / 'chain'} --json"
    with subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(30) == 1
    found, height = map(int, re.findall(r"(\d+) blocks?, .*\n.* height is (\d+)", error)[0])
    assert found == height
    assert "Traceback" not in error


def test_a_terminal_shows_a_live_line(tmp_path: Path) -> None:
    """The line is rewritten in place and cleared for lines that stay; elsewhere there is none."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "hashjoule", "mine", "--embedded", str(tmp_path / "chain"), "--blocks", "5"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert shown.count("\r\x1b[K") >= 6
    assert "hardware errors in" in shown
    assert shown.endswith("\n")
    assert done.stdout.count(b"active") == 5
    assert b"\x1b" not in done.stdout


def test_the_odds_on_main_are_told_once(tmp_path: Path) -> None:
    """They are told in years at this hash rate, while the run goes on."""
    (tmp_path / ".cookie").write_text("__cookie__:x")
    with http_server(MadeUpNode()) as url:
        address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        process = Process(
            "--chain", "main", "--rpc-url", url, "--cookie", str(tmp_path / ".cookie"), "--address", address
        )
        assert process.process.stderr
        line = process.process.stderr.readline()
        code, error, _ = process.end(signal.SIGTERM)
    assert line.startswith("at ")
    assert "a block on main takes" in line
    assert "years on average" in line
    assert "on main" not in error
    assert code == 130


def test_a_file_size_limit_keeps_the_block_out_of_the_disk_but_not_out_of_the_last_words(
    node: BitcoinNode, state: Path
) -> None:
    """When nothing can be written, the block is printed on stderr, and the node accepts it."""

    def answer(handler: Any, request: bytes) -> None:
        if b"submitblock" in request:
            reply(handler, 400, b"")
        else:
            reply(handler, *forward(node, handler, request))

    with http_server(answer) as url:
        limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "hashjoule", "mine"]
        options = ["--rpc-url", url, "--cookie", str(node.cookie), "--address", ADDRESS]
        process = subprocess.Popen([*limited, *options], stderr=subprocess.PIPE, text=True)
        assert process.stderr
        assert "cannot be kept" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=30)
    words = next(line for line in error.splitlines() if "neither submitted nor kept" in line)
    assert node.call("submitblock", words.rpartition(" ")[2]) is None
    assert list(state.glob("**/*.block")) == []


def test_grind_is_a_grind_cmd(tmp_path: Path) -> None:
    """It works for finish_block of Bitcoin Core's contrib/signet/miner.

    That calls it with the header as the last argument and nothing on stdin, and takes the nonce from stdout.
    """
    with (
        running(tmp_path / "node", "signet", "-signetchallenge=51") as node,
        closing(Node(node.rpc(), "signet")) as chain,
    ):
        candidate = CandidateBlock(chain.template(), ANYONE_CAN_SPEND)
        header = candidate.header(1)
        grind = [sys.executable, "-m", "hashjoule", "grind", header.pack().hex()]
        done = subprocess.run(grind, input=b"", stdout=subprocess.PIPE, check=True, timeout=60)
        nonce = Header.parse(bytes.fromhex(done.stdout.strip().decode())).nonce
        assert chain.submit(candidate.serialize(replace(header, nonce=nonce), 1))[0] is None
        assert node.height == 1
