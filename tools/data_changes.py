"""Lists what changed in the CSV files of the data set between two git revisions: rows added, removed, cells changed.

    python tools/data_changes.py OLD [NEW]

Without NEW the files as they lie in the working tree are compared. Exits with 1 if anything changed, 2 on bad input.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = "src/hashjoule/data"
KEYS = {"hardware.csv": ("maker", "model", "mode")}
"""The columns that identify a row, where a changed row should not be shown as one removed and one added."""

Rows = list[dict[str, str]]


def changes(name: str, old: Rows, new: Rows) -> Iterator[str]:
    """One line for each row added (+) or removed (-) and for each cell changed (~)."""
    before, after = _by_key(name, old), _by_key(name, new)
    for key, row in before.items():
        if key not in after:
            yield f"- {_title(name, row)}"
            continue
        for column in sorted({*row, *after[key]}):
            if row.get(column, "") != after[key].get(column, ""):
                yield f"~ {_title(name, row)}: {column}: {row.get(column, '')!r} -> {after[key].get(column, '')!r}"
    for key, row in after.items():
        if key not in before:
            yield f"+ {_title(name, row)}"


def _by_key(name: str, rows: Rows) -> dict[tuple[str, ...], dict[str, str]]:
    columns = KEYS.get(name)
    return {tuple(row.get(column, "") for column in columns) if columns else tuple(row.values()): row for row in rows}


def _title(name: str, row: dict[str, str]) -> str:
    cells = [row.get(column, "") for column in KEYS[name]] if name in KEYS else list(row.values())
    return ", ".join(cell for cell in cells if cell)


def read(root: Path, revision: str | None) -> dict[str, Rows]:
    """The CSV files of a revision, or of the working tree for None."""
    if revision is None:
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((root / FOLDER).glob("*.csv"))}
    else:
        names = _git(root, "ls-tree", "--name-only", revision, f"{FOLDER}/").split()
        paths = [Path(name) for name in names if name.endswith(".csv")]
        texts = {path.name: _git(root, "show", f"{revision}:{path.as_posix()}") for path in paths}
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"data_changes: {done.stderr.strip().splitlines()[0]}", file=sys.stderr)
        raise SystemExit(2)
    return done.stdout


def main(arguments: list[str], root: Path) -> int:
    """Prints the changes file by file and returns the exit code."""
    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    old, new = read(root, arguments[0]), read(root, arguments[1] if len(arguments) == 2 else None)
    changed = False
    for name in sorted({*old, *new}):
        lines = list(changes(name, old.get(name, []), new.get(name, [])))
        if lines:
            print(f"{name}: {len(old.get(name, []))} -> {len(new.get(name, []))} rows", *lines, sep="\n")
        changed = changed or bool(lines)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[1]))
