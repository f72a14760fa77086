"""The public names: `from hashjoule import ...` is typed, documented, lazy and enough for a search and a benchmark."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hashjoule
from hashjoule import HashjouleError, Header, Plan, Record, bench, load_table, solve
from tests.support import headers

GENESIS = headers()[0]


@pytest.mark.parametrize("name", hashjoule.__all__)
def test_public_names_are_documented(name: str) -> None:
    """Each public name can be imported, has a docstring, and is the name of its object."""
    value = getattr(hashjoule, name)
    assert value.__name__ == name
    assert len(value.__doc__ or "") > 20
    assert name in dir(hashjoule)


def test_public_names_are_typed() -> None:
    """Type checkers see the same names, from the modules that they are imported from."""
    tree = ast.parse(Path(hashjoule.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {node.names[0].asname: node.module for node in block.body if isinstance(node, ast.ImportFrom)}
    assert seen == hashjoule._MODULES


def test_an_unknown_name_is_an_attribute_error() -> None:
    """An unknown name raises AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(hashjoule, "nonsense")  # noqa: B009 - type checkers know that there is none


def test_importing_loads_nothing() -> None:
    """No room of the package and no library is imported before a name is used: that takes 30 ms at most."""
    code = "import sys; before = set(sys.modules); import hashjoule; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(Path(hashjoule.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert {name for name in done.stdout.split() if name.startswith("hashjoule.")} == set()
    assert not {"numpy", "click", "msgspec", "rich", "cffi"} & set(done.stdout.split())


def test_solve_finds_the_first_block() -> None:
    """Plain and with rolled versions; progress goes up to the end of the range."""
    unsolved = Header.parse(GENESIS.header[:76] + bytes(4))
    done: list[float] = []
    solved = solve(unsolved, first_nonce=GENESIS.nonce - 500, count=1000, progress=done.append)
    assert solved is not None
    assert solved.pack() == GENESIS.header
    assert done == sorted(done)
    rolled = solve(unsolved, first_nonce=GENESIS.nonce - 5, count=10, version_mask=0x6000, backend="c:portable")
    assert rolled is not None
    assert rolled.meets(GENESIS.target)


def test_solve_says_none_when_the_range_holds_no_solution() -> None:
    """The result is None, and progress reaches the whole range."""
    done: list[float] = []
    assert solve(Header.parse(GENESIS.header), count=1000, version_mask=0xE000, threads=1, progress=done.append) is None
    assert done[-1] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": 0},
        {"version_mask": 0},
        {"version_mask": 1},
        {"first_nonce": -1},
        {"count": -1},
        {"backend": "abacus"},
    ],
)
def test_bad_input_is_an_error_of_ours(wrong: dict[str, int | str]) -> None:
    """All errors have one base, and bad values are ValueErrors too."""
    with pytest.raises(HashjouleError) as caught:
        solve(Header.parse(GENESIS.header), **wrong)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)


def test_a_benchmark_gives_a_record() -> None:
    """`bench` returns what `hashjoule bench` measures."""
    record = bench(Plan(names=("c:portable",), modes=("plain",), threads=1, seconds=0.05))
    assert isinstance(record, Record)
    assert [result.backend for result in record.results] == ["c:portable"]


def test_the_table_has_published_machines() -> None:
    """Without a record the table has the published machines."""
    assert {row.origin for row in load_table()} == {"published"}
