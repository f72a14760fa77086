"""Write results/README.md and the README's example from the records in results/, and the README's picture.

    python bench/render.py [--check]

Between the markers `<!-- result:PATH -->` and `<!-- end -->` stands what `bench` printed when it made the record at
PATH. --check changes nothing and exits with 1 if a page is not current. (Pictures differ in bytes between versions of
their library, so they are not compared.)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hashjoule.cli import run
from hashjoule.records.files import load_record
from hashjoule.records.schema import Record
from hashjoule.report.record import markdown, render_record

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- result:(?P<name>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def bench_records() -> dict[Path, Record]:
    """Return all benchmark records, oldest first."""
    paths = ROOT.joinpath("results").glob("*/*-bench*.json")
    found = {path: load_record(path) for path in paths}
    return dict(sorted(found.items(), key=lambda item: (item[1].created, item[0])))


def generations(records: dict[Path, Record]) -> list[str]:
    """Return a table of cycles per hash by CPU generation and compiler, from the newest record of each."""
    newest = {
        (path.parent.name, str(record.hashjoule.compiler).split(".")[0]): record for path, record in records.items()
    }
    cycles = {
        column: {(r.backend, r.mode): r.cycles_per_hash for r in record.results if r.threads == 1 and r.cycles_per_hash}
        for column, record in newest.items()
    }
    rows = dict.fromkeys(row for found in cycles.values() for row in found)
    lines = [
        "| backend | mode | " + " | ".join(f"{folder}, {compiler}" for folder, compiler in cycles) + " |",
        "|---|---|" + "--:|" * len(cycles),
    ]
    for row in sorted(rows, key=lambda row: (row[0].partition(":")[0], row[0], row[1])):
        cells = (f"{found[row]:.1f}" if row in found else "-" for found in cycles.values())
        lines.append(f"| `{row[0]}` | {row[1]} | {' | '.join(cells)} |")
    return lines


def results_page(records: dict[Path, Record]) -> str:
    """Return results/README.md."""
    parts = [
        "# Results",
        "",
        "Made from the records in this folder by `bench/render.py`; do not edit. Newest first.",
        "To add your machine: `hashjoule bench --save results`, then `python bench/render.py`, and send both files.",
        "",
        "## CPU generations",
        "",
        "Cycles per hash of one thread, which do not depend on the clock rate: fewer is better. A column is the newest",
        "record of a CPU with one compiler; a dash means that the CPU or the record has no such row.",
        "",
        *generations(records),
    ]
    for path, record in reversed(records.items()):
        name = path.relative_to(ROOT / "results").as_posix()
        parts += ["", f"## [{path.parent.name}]({name})", "", markdown(record)]
        if record.conditions.warnings:
            parts += ["", *(f"- {warning}" for warning in record.conditions.warnings)]
    return "\n".join(parts) + "\n"


def rendered(records: dict[Path, Record]) -> dict[Path, str]:
    """Return every page that is made here, as it should be."""
    readme = ROOT / "README.md"
    text = MARKED.sub(_example, readme.read_text("utf-8"))
    return {readme: text, ROOT / "results" / "README.md": results_page(records)}


def _example(match: re.Match[str]) -> str:
    """Return the marked part of a page with what `bench` prints of its record."""
    return f"{match[1]}```\n{render_record(load_record(ROOT / match['name']), 'text')}\n```\n{match[3]}"


def main(arguments: list[str]) -> int:
    """Write or check all pages."""
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
