"""Writes the tables of results/README.md and README.md from the records in results/, and the README's picture.

    python bench/render.py [--check]

What stands between the markers `<!-- result:... -->` and `<!-- end -->` is made here and nowhere else; --check
changes nothing and exits with 1 if a table is not current. (Pictures differ in bytes between versions of their
library, so they are not compared.)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hashjoule.cli import run
from hashjoule.records.files import load_record
from hashjoule.records.schema import Record
from hashjoule.report.record import markdown

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- result:(?P<name>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def bench_records() -> dict[Path, Record]:
    """All benchmark records, oldest first."""
    paths = ROOT.joinpath("results").glob("*/*-bench*.json")
    found = {path: load_record(path) for path in paths}
    return dict(sorted(found.items(), key=lambda item: (item[1].created, item[0])))


def results_page(records: dict[Path, Record]) -> str:
    """results/README.md."""
    parts = [
        "# Results",
        "",
        "Made from the records in this folder by `bench/render.py`; do not edit. Newest first.",
        "To add your machine: `hashjoule bench --save results`, then `python bench/render.py`, and send both files.",
    ]
    for path, record in reversed(records.items()):
        name = path.relative_to(ROOT / "results").as_posix()
        parts += ["", f"## [{path.parent.name}]({name})", "", markdown(record)]
        if record.conditions.warnings:
            parts += ["", *(f"- {warning}" for warning in record.conditions.warnings)]
    return "\n".join(parts) + "\n"


def rendered(records: dict[Path, Record]) -> dict[Path, str]:
    """Every file that holds rendered tables, as it should be."""
    readme = ROOT / "README.md"
    newest = markdown(list(records.values())[-1])
    text = MARKED.sub(lambda match: f"{match[1]}{newest}\n{match[3]}", readme.read_text("utf-8"))
    return {readme: text, ROOT / "results" / "README.md": results_page(records)}


def main(arguments: list[str]) -> int:
    """Writes or checks all files."""
    wanted = rendered(bench_records())
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is not current; run python bench/render.py", file=sys.stderr)
        else:
            path.write_text(wanted[path], "utf-8")
    if "--check" not in arguments:
        run(["plot", "-o", str(ROOT / "results" / "frontier.png")])
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
