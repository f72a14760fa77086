"""Help texts: they fit a terminal, every command has examples that run, and every command speaks JSON."""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import pytest

from harness.bitcoind import running as bitcoind_running
from harness.pool import TestPool
from harness.pool import running as pool_running
from hashjoule import cli
from hashjoule.cli.frame import Command, Group
from hashjoule.gauge import account
from tests.conftest import CommandLine
from tests.fleet.cluster import cluster
from tests.gauge.answers import AXEOS
from tests.gauge.mining import mining_soon
from tests.gauge.test_devices import axeos
from tests.integration.test_readme import expanded
from tests.meters.plug_server import SimulatedPlug, served
from tests.support import GOLDEN_RECORD

WIDTH = 80

WITHOUT_EXAMPLES = {
    *("table", "plot", "explain"),
    *("economics", "economics machine", "economics fleet", "economics block", "economics countries", "economics local"),
}
"""Commands that still lack examples; take yours out."""
WITHOUT_JSON = {"table", "plot"}
"""Commands that still lack --json; take yours out."""
TOO_WIDE = {"economics"}
"""Groups whose one-line texts are still too long; take yours out."""

FILES = ("result.json", "before.json", "after.json", "results/machine/2026-01-01-bench.json")
"""Records that examples may name; examples run in a folder that has them."""
EASY_HEADER = "00" * 72 + "ffff7f20" + "00" * 4
"""A header on regtest's target, which any other nonce may meet."""
PARSED_ONLY = {"gauge"}
"""Commands whose examples name devices and meters in a home; their options are checked, no more."""


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command of a group and of the groups in it, by what users type after `hashjoule`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


COMMANDS = dict(commands(cli.cli))
GROUPS = {"": cli.cli} | {name: command for name, command in COMMANDS.items() if isinstance(command, click.Group)}


def examples() -> list[str]:
    """Every example of every command, without its comment."""
    listed = [c.examples for c in (cli.cli, *COMMANDS.values()) if isinstance(c, Command | Group)]
    return [shlex.join(shlex.split(example, comments=True)) for examples in listed for example in examples]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(name: str, hashjoule: CommandLine) -> None:
    """No line of a help text is wider than 80 columns, examples included."""
    code, out, _ = hashjoule(*name.split(), "--help")
    assert code == 0
    assert [line for line in out.splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize("name", sorted(set(GROUPS) - TOO_WIDE))
def test_one_line_texts_are_whole(name: str, hashjoule: CommandLine) -> None:
    """The list of commands cuts no text off, and each is one line that begins with a capital letter."""
    _, out, _ = hashjoule(*name.split(), "--help")
    group = GROUPS[name]
    for command in group.list_commands(click.Context(group)):
        (line,) = [line for line in out.splitlines() if line.startswith(f"  {command} ")]
        assert line.endswith(".")
        assert not line.endswith("..")
        assert line.split(maxsplit=1)[1][0].isupper()


def test_commands_stand_in_groups(hashjoule: CommandLine) -> None:
    """--help shows them under Measure, Mine and Compare."""
    _, out, _ = hashjoule("--help")
    headings = [line for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Measure:", "Mine:", "Compare:", "Examples:"]


def test_options_stand_in_groups(hashjoule: CommandLine) -> None:
    """Under their headings in the order given; the others follow, and no option is lost."""

    @click.command(cls=Command, option_groups={"Second": ["--b", "-c"], "First": ["--a"]}, examples=["hashjoule x"])
    @click.option("--a")
    @click.option("--b")
    @click.option("-c", "--long-c")
    @click.option("--rest")
    def command() -> None:
        """Do nothing."""

    out = command.get_help(click.Context(command))
    words = ["Second:", "--b", "--long-c", "First:", "--a", "Options:", "--rest", "--help", "Examples:", "hashjoule x"]
    assert [out.count(word) for word in words] == [1] * len(words)
    assert [out.index(word) for word in words] == sorted(out.index(word) for word in words)


def test_a_group_of_options_names_options_that_exist() -> None:
    """A misspelt one is noticed when the command is defined."""
    with pytest.raises(ValueError, match="no option --thread"):
        Command("bench", params=[click.Option(["--threads"])], option_groups={"Search": ["--thread"]})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples(name: str) -> None:
    """At the end of its --help."""
    command = COMMANDS[name]
    assert name in WITHOUT_EXAMPLES or (isinstance(command, Command | Group) and command.examples)


@pytest.mark.parametrize("name", [name for name, c in COMMANDS.items() if not isinstance(c, click.Group)])
def test_every_command_speaks_json(name: str) -> None:
    """It has --json."""
    assert name in WITHOUT_JSON or any("--json" in param.opts for param in COMMANDS[name].params)


@pytest.mark.parametrize("example", examples())
def test_examples_run(example: str, hashjoule: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends with 0, in a folder with the records it may name; what it needs runs beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "headers.txt").write_text(f"{EASY_HEADER}\n{EASY_HEADER}\n")
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(GOLDEN_RECORD, tmp_path / name)
    program, *arguments = [word for part in shlex.split(example) for word in expanded(part, tmp_path)]
    assert program == "hashjoule"
    if arguments[0] in PARSED_ONLY:
        parse(arguments)
        return
    if "<" in arguments:
        at = arguments.index("<")
        content = (tmp_path / arguments[at + 1]).read_bytes()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        del arguments[at : at + 2]
    with surroundings(arguments, tmp_path) as more:
        code, _, err = hashjoule(*arguments, *more)
    assert code == 0, err


def parse(arguments: list[str]) -> None:
    """Check the options of a command line as the command would, and do nothing else."""
    command: click.Command = cli.cli
    while isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    command.make_context(command.name, arguments).close()


@contextmanager
def surroundings(arguments: list[str], folder: Path) -> Iterator[list[str]]:
    """Start what a command line needs; yield the options that lead there, or that make the example short."""
    if arguments[0] == "gauge":
        with gauge_surroundings(arguments) as more:
            yield more
    elif "--dask" in arguments:
        with cluster(folder / "cluster", 1) as made:
            yield ["--dask", made.address]
    elif arguments[0] == "bench":
        yield ["--backend", "c:portable", "--threads", "1", *([] if "--quick" in arguments else ["--seconds", "0.05"])]
    elif "--pool" in arguments:
        with pool_running(TestPool(difficulty=1e-5)) as pool:
            at = arguments.index("--pool") + 1
            arguments[at] = f"stratum+tcp://127.0.0.1:{pool.port}"
            yield ["--shares", "1"]
    elif arguments[0] == "mine" and "--embedded" not in arguments:
        with bitcoind_running(folder / "node") as node:
            yield ["--rpc-url", node.url, "--datadir", str(node.datadir), "--blocks", "1"]
    else:
        yield []


@contextmanager
def gauge_surroundings(arguments: list[str]) -> Iterator[list[str]]:
    """Start a miner that connects as soon as the gauge listens, and the device and the plug that are named."""
    with ExitStack() as stack:
        if "--device" in arguments:
            port = stack.enter_context(axeos(AXEOS))
            arguments[arguments.index("--device") + 1] = f"http://127.0.0.1:{port}"
        if "--meter" in arguments:
            netloc = stack.enter_context(served(SimulatedPlug("shelly-gen2")))
            arguments[arguments.index("--meter") + 1] = f"shelly://{netloc}"
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(account, "RAMP_UP_S", 1.0)
        port = stack.enter_context(mining_soon())
        length = next((name for name in ("--minutes", "--precision") if name in arguments), "--seconds")
        short = {"--seconds": "1", "--minutes": "0.02", "--precision": "50"}[length]
        yield ["--listen", f"127.0.0.1:{port}", "--difficulty", str(2.0**-20), length, short]


def test_the_version_loads_the_frame_alone() -> None:
    """No command is imported before it is used: that is what keeps the start short."""
    code = "import sys; from hashjoule import cli; cli.run(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("hashjoule.")}
    assert ours == {"hashjoule.cli", "hashjoule.cli.frame", "hashjoule.errors"}
