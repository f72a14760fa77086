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
from hashjoule.report.record import markdown, render

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(<!-- result:(?P<name>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def bench_records() -> dict[Path, Record]:
    """Return all benchmark records, oldest first."""
    paths = ROOT.joinpath("results").glob("*/*-bench*.json")
    found = {path: load_record(path) for path in paths}
    return dict(sorted(found.items(), key=lambda item: (item[1].created, item[0])))


def results_page(records: dict[Path, Record]) -> str:
    """Return results/README.md."""
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
    """Return every page that is made here, as it should be."""
    readme = ROOT / "README.md"
    text = MARKED.sub(_example, readme.read_text("utf-8"))
    return {readme: text, ROOT / "results" / "README.md": results_page(records)}


def _example(match: re.Match[str]) -> str:
    """Return the marked part of a page with what `bench` prints of its record."""
    return f"{match[1]}```\n{render(load_record(ROOT / match['name']), 'text')}\n```\n{match[3]}"


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
