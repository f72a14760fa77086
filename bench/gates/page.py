"""results/gates.md."""

from bench.gates.results import Results


def write(results: Results) -> None: ...
def is_fresh(results: Results) -> bool:
    return True
