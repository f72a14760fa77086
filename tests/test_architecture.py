"""The rooms: imports run one way, modules and functions stay short."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "src" / "hashjoule"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "hardware", "power", "statistics"),
    ("data", "files", "job"),
    ("block",),
    ("backends", "meters", "records", "stratum"),
    ("check", "search"),
    ("benchmark", "choose", "economics", "efficiency", "gauge", "mine"),
    ("fleet", "solver"),
    ("report",),
    ("cli",),
)
"""Rooms and single modules, lowest first. A room imports from its own floor's own room, and from floors below."""

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 45


def modules() -> list[Path]:
    """Return every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """Return the room or single module at the top of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """Yield the rooms that a module imports from, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "hashjoule":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hashjoule."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("hashjoule."))


def floor(name: str) -> int:
    """Return the floor of a room; -1 for names outside the rooms (`__version__`, compiled modules, kernels)."""
    return next((number for number, names in enumerate(FLOORS) if name in names), -1)


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function, with its signature, without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    documented = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - documented


@pytest.mark.parametrize(
    "path", [p for p in modules() if floor(room(p)) >= 0], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_run_one_way(path: Path) -> None:
    """A module imports from its own room and from lower floors only; nobody imports the command line."""
    upward = {name for name in imported_rooms(path) if name != room(path) and floor(name) >= floor(room(path))}
    assert upward == set()


def imported_modules(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports from."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    return {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }


@pytest.mark.parametrize(
    ("folder", "closed"),
    [("src", ("bench", "harness", "tests")), ("harness", ("bench", "tests")), ("bench", ("tests",))],
)
def test_experiments_and_tests_stay_apart(folder: str, closed: tuple[str, ...]) -> None:
    """The package needs neither experiments nor tests; experiments need no tests, only the parts in `harness/`."""
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) > 5
    upward = {(path.name, name) for path in files for name in imported_modules(path) if name.split(".")[0] in closed}
    assert upward == set()


def test_every_room_has_a_floor() -> None:
    """Every room and module is on a floor."""
    assert {room(path) for path in modules()} - {"__init__", "__main__"} <= {n for names in FLOORS for n in names}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_short(path: Path) -> None:
    """A module has at most 400 lines, a function 45 without its docstring."""
    text = path.read_text("utf-8")
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [n.name for n in functions if code_lines(n) > MAX_FUNCTION_LINES]
    assert long == []
    assert len(text.splitlines()) <= MAX_MODULE_LINES
